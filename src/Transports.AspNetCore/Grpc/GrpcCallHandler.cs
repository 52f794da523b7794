using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Transports.AspNetCore;

/// <summary>Turns an HTTP request into a channel, hands it on, and keeps the request open until the channel has ended.</summary>
internal static class GrpcCallHandler
{
    /// <summary>Serves one call.</summary>
    /// <param name="context">The request.</param>
    /// <param name="hasEnvelope">Whether payloads travel in a <c>transports.v1.Message</c>.</param>
    /// <param name="options">Limits.</param>
    /// <param name="compression">What is compressed; completed with what the client says.</param>
    /// <param name="logger">Where the channel logs.</param>
    /// <param name="serve">What to do with the channel. When it has completed, the channel is closed if it is still open.</param>
    /// <returns>Completes when the call is over and the request not used any more.</returns>
    public static async Task HandleAsync(HttpContext context, bool hasEnvelope, MessageChannelOptions options, GrpcCompression compression, ILogger logger, Func<IMessageChannel, Task> serve)
    {
        if (GrpcRequest.WireOf(context.Request.ContentType) is not { } wire || !HttpMethods.IsPost(context.Request.Method))
        {
            Log.GrpcRequestRefused(logger, context.Connection.Id, "It is not a POST with the content type application/grpc, application/grpc-web or application/grpc-web-text.");
            context.Response.StatusCode = StatusCodes.Status415UnsupportedMediaType;
            return;
        }

        if (wire == GrpcWire.Http2 && !HttpProtocol.IsHttp2(context.Request.Protocol) && !HttpProtocol.IsHttp3(context.Request.Protocol))
        {
            // Trailers need HTTP/2; what a client of HTTP/1.1 can use is gRPC-Web.
            Log.GrpcRequestRefused(logger, context.Connection.Id, "gRPC needs HTTP/2; over HTTP/1.1 there is gRPC-Web.");
            context.Response.StatusCode = StatusCodes.Status426UpgradeRequired;
            context.Response.Headers.Upgrade = "h2c";
            return;
        }

        KestrelLimits.Lift(context);
        var headers = context.Request.Headers;
        compression.ReceivedEncoding = headers["grpc-encoding"];
        compression.CompressesSent = compression.IsEnabled && AcceptsGzip(headers["grpc-accept-encoding"]);
        TimeSpan? timeout = GrpcTimeout.TryParse(headers["grpc-timeout"], out var parsed) ? parsed : null;
        var now = options.TimeProvider.GetUtcNow();
        var call = new GrpcServerCall(context, wire, compression, timeout < DateTimeOffset.MaxValue - now ? now + timeout : null);
        var connection = wire == GrpcWire.Http2
            ? new GrpcServerConnection(context, call, hasEnvelope, options)
            : new GrpcWebServerConnection(context, call, hasEnvelope, options);
        if (Refuse(headers, compression, timeout) is { } refusal)
        {
            Log.GrpcCallRefused(logger, call.Method, context.Connection.Id, refusal.Code, refusal.Message);
            call.SetStatus(refusal.Code, refusal.Message);
            await connection.CompleteWritesAsync(new ChannelCloseInfo(ChannelCloseStatus.Normal, IsRemote: false)).ConfigureAwait(false);
            return;
        }

        var feature = new HttpChannelFeature(context);
        var scheme = context.Request.IsHttps ? GrpcAddress.Encrypted : GrpcAddress.Cleartext;
        var channel = GrpcChannels.Create(
            connection,
            hasEnvelope,
            compression,
            new MessageChannelContext
            {
                TransportName = "grpc",
                Side = ChannelSide.Server,
                Options = options,
                Characteristics = GrpcChannels.Describe(ChannelSide.Server, hasEnvelope, context.Request.IsHttps),
                LocalAddress = HttpChannelFeature.AddressOf(context, scheme),
                RemoteAddress = feature.RemoteAddress(scheme),
                Features = feature.Find,
                Logger = logger,
            },
            timeout);
        await serve(channel).ConfigureAwait(false);
        if (!channel.Closed.IsCompleted)
        {
            // One that was handed on and has ended may still hold messages, which a close would take from its owner.
            await channel.CloseAsync().ConfigureAwait(false);
        }

        await connection.Completion.ConfigureAwait(false);
    }

    private static GrpcStatus? Refuse(IHeaderDictionary headers, GrpcCompression compression, TimeSpan? timeout)
    {
        if (!compression.CanReceive(compression.ReceivedEncoding))
        {
            return new GrpcStatus(GrpcStatusCode.Unimplemented, $"The grpc-encoding '{compression.ReceivedEncoding}' is not supported; grpc-accept-encoding says what is.");
        }

        return headers.ContainsKey("grpc-timeout") && timeout is null
            ? new GrpcStatus(GrpcStatusCode.Internal, "The grpc-timeout is not a number of at most eight digits and a unit.")
            : null;
    }

    private static bool AcceptsGzip(string? accepted)
        => accepted is not null && accepted.Split(',', StringSplitOptions.TrimEntries).Contains(GrpcCompression.Gzip);
}
