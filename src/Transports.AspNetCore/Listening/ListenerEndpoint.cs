using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Transports.AspNetCore;

/// <summary>The one path of a listener for WebSockets or server-sent events: what is opened there goes to the acceptor.</summary>
internal sealed class ListenerEndpoint
{
    private readonly KestrelListener _listener;
    private readonly ChannelEndpoint _endpoint;
    private readonly string _path;

    public ListenerEndpoint(KestrelListener listener, ProtocolOptions options, ILogger logger)
    {
        _listener = listener;
        _path = listener.LocalAddress.AbsolutePath;
        var runner = new ChannelRunner((channel, _) => HandOutAsync(channel), options, logger, listener.Stopping, ownsChannels: false);
        _endpoint = new ChannelEndpoint([ChannelProtocols.ForScheme(listener.LocalAddress.Scheme, runner)], options.Guard);
    }

    public Task InvokeAsync(HttpContext context) => context.Request.Path == _path
        ? _endpoint.InvokeAsync(context)
        : Problem.WriteAsync(context, StatusCodes.Status404NotFound, "Nothing is served here.", $"Channels are opened at {_path}.");

    private async Task HandOutAsync(IMessageChannel channel)
    {
        if (!_listener.TryHandOut(channel))
        {
            await channel.CloseAsync(
                ChannelCloseStatus.GoingAway,
                _listener.Stopping.IsCancellationRequested ? "The server stops." : "Too many channels wait to be accepted.",
                CancellationToken.None).ConfigureAwait(false);
            await channel.DisposeAsync().ConfigureAwait(false);
        }
    }
}
