using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using Microsoft.Extensions.Logging;

namespace Transports;

/// <summary>Turns an HTTP request into a channel, hands it on, and keeps the request open until the channel has ended.</summary>
internal static class GrpcCallHandler
{
    /// <summary>Serves one call.</summary>
    /// <param name="context">The request.</param>
    /// <param name="hasEnvelope">Whether payloads travel in a <c>transports.v1.Message</c>.</param>
    /// <param name="options">Limits.</param>
    /// <param name="logger">Where the channel logs.</param>
    /// <param name="serve">What to do with the channel. When it has completed, the channel is closed if it is still open.</param>
    /// <returns>Completes when the call is over and the request not used any more.</returns>
    public static async Task HandleAsync(HttpContext context, bool hasEnvelope, GrpcServerOptions options, ILogger logger, Func<GrpcMessageChannel, Task> serve)
    {
        if (GrpcRequest.WireOf(context.Request.ContentType) is not { } wire || !HttpMethods.IsPost(context.Request.Method))
        {
            context.Response.StatusCode = StatusCodes.Status415UnsupportedMediaType;
            return;
        }

        if (wire == GrpcWire.Http2 && !HttpProtocol.IsHttp2(context.Request.Protocol) && !HttpProtocol.IsHttp3(context.Request.Protocol))
        {
            // Trailers need HTTP/2; what a client of HTTP/1.1 can use is gRPC-Web.
            context.Response.StatusCode = StatusCodes.Status426UpgradeRequired;
            context.Response.Headers.Upgrade = "h2c";
            return;
        }

        LiftLimits(context);
        var headers = context.Request.Headers;
        var compression = new GrpcCompression
        {
            IsEnabled = options.EnableGzip,
            CompressesSent = options.EnableGzip && AcceptsGzip(headers["grpc-accept-encoding"]),
            Threshold = options.GzipThreshold,
            ReceivedEncoding = headers["grpc-encoding"],
        };
        TimeSpan? timeout = GrpcTimeout.TryParse(headers["grpc-timeout"], out var parsed) ? parsed : null;
        var now = options.TimeProvider.GetUtcNow();
        var call = new GrpcServerCall(context, wire, compression, timeout < DateTimeOffset.MaxValue - now ? now + timeout : null);
        var connection = wire == GrpcWire.Http2
            ? new GrpcServerConnection(context, call, options)
            : new GrpcWebServerConnection(context, call, options);
        if (Refuse(headers, compression, timeout) is { } refusal)
        {
            call.SetStatus(refusal.Code, refusal.Message);
            await connection.CompleteWritesAsync().ConfigureAwait(false);
            return;
        }

        var channel = new GrpcMessageChannel(connection, GrpcMessageChannel.CreateFraming(hasEnvelope, compression), call, new MessageChannelContext
        {
            Transport = "grpc",
            Side = ChannelSide.Server,
            Options = options,
            Characteristics = GrpcMessageChannel.Describe(ChannelSide.Server, hasEnvelope, context.Request.IsHttps),
            LocalAddress = LocalAddress(context),
            RemoteAddress = RemoteAddress(context),
            Logger = logger,
        });
        if (timeout is { } limit)
        {
            channel.StartDeadline(limit);
        }

        using (context.RequestAborted.UnsafeRegister(static state => OnRequestAborted((GrpcMessageChannel)state!), channel))
        {
            await ServeAsync(channel, serve).ConfigureAwait(false);
            await connection.Completion.ConfigureAwait(false);
        }
    }

    private static async Task ServeAsync(GrpcMessageChannel channel, Func<GrpcMessageChannel, Task> serve)
    {
        try
        {
            await serve(channel).ConfigureAwait(false);
            await channel.CloseAsync().ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // The handler was asked to stop.
            await channel.CloseAsync(ChannelCloseStatus.GoingAway).ConfigureAwait(false);
        }
        catch (Exception e) when (channel.Closed.IsCompleted && e is TransportException)
        {
            // The handler let the end of its channel end it.
        }
        catch (Exception)
        {
            // What the handler threw is for the host's log, not for the client.
            await channel.CloseAsync(ChannelCloseStatus.InternalError, "The handler failed.").ConfigureAwait(false);
            throw;
        }
    }

    private static void OnRequestAborted(GrpcMessageChannel channel) => channel.EndFromOutside(new ChannelCloseInfo(
        ChannelCloseStatus.ConnectionLost,
        IsRemote: true,
        "The client cancelled the call, or its connection was lost.",
        (long)GrpcStatusCode.Cancelled));

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

    // A channel may be silent for hours and carry any number of bytes. The limit of a message is the channel's own.
    private static void LiftLimits(HttpContext context)
    {
        if (context.Features.Get<IHttpMinRequestBodyDataRateFeature>() is { } rate)
        {
            rate.MinDataRate = null;
        }

        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
        {
            size.MaxRequestBodySize = null;
        }
    }

    private static Uri? LocalAddress(HttpContext context)
        => context.Connection.LocalIpAddress is { } address
            ? new UriBuilder(Scheme(context), address.ToString(), context.Connection.LocalPort, context.Request.Path).Uri
            : null;

    private static Uri? RemoteAddress(HttpContext context)
        => context.Connection.RemoteIpAddress is { } address
            ? new UriBuilder(Scheme(context), address.ToString(), context.Connection.RemotePort).Uri
            : null;

    private static string Scheme(HttpContext context) => context.Request.IsHttps ? GrpcAddress.Encrypted : GrpcAddress.Cleartext;
}
