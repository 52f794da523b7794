using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Transports.AspNetCore;

/// <summary>The one method of a listener for gRPC: its calls go to the acceptor, those of other methods are refused.</summary>
internal sealed class GrpcListenerEndpoint(KestrelListener listener, GrpcAddress target, ProtocolOptions options, ILogger logger)
{
    public Task InvokeAsync(HttpContext context)
    {
        var isOurs = context.Request.Path.Value?.Trim('/') == target.Path;
        return GrpcCallHandler.HandleAsync(
            context,
            isOurs && target.HasEnvelope,
            options.Channels,
            options.Grpc.CreateCompression(),
            logger,
            channel => isOurs ? HandOutAsync(channel) : RefuseMethod(context, channel));
    }

    private async Task HandOutAsync(IMessageChannel channel)
    {
        if (listener.TryHandOut(channel))
        {
            // The request, and with it the call, lasts as long as the channel.
            await channel.Closed.ConfigureAwait(false);
            return;
        }

        // Not GoingAway, which is a clean end: a call refused must not look like one with no answer.
        channel.GetFeature<IGrpcServerCallFeature>()!.SetStatus(GrpcStatusCode.Unavailable, "The server does not accept calls now. Try again later, or another server.");
    }

    private Task RefuseMethod(HttpContext context, IMessageChannel channel)
    {
        GrpcUnknownMethod.Refuse(context, channel, logger);
        return Task.CompletedTask;
    }
}
