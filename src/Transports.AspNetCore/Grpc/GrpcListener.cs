using System.Threading.Channels;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Transports;

/// <summary>Hands out the calls of one method as channels.</summary>
internal sealed class GrpcListener : IMessageListener
{
    private readonly WebApplication _app;
    private readonly GrpcAddress _target;
    private readonly GrpcServerTransportOptions _options;
    private readonly ILogger _logger;
    private readonly Channel<GrpcMessageChannel> _waiting;
    private int _stopping;
    private int _disposed;

    public GrpcListener(WebApplication app, GrpcAddress target, GrpcServerTransportOptions options, ILogger logger)
    {
        _app = app;
        _target = target;
        _options = options;
        _logger = logger;
        LocalAddress = target.Http;
        _waiting = Channel.CreateBounded<GrpcMessageChannel>(options.Backlog);
    }

    public Uri LocalAddress { get; private set; }

    public void SetLocalAddress(Uri asked, string bound)
    {
        var port = BindingAddress.Parse(bound).Port;
        LocalAddress = new UriBuilder(asked) { Port = port }.Uri;
    }

    public async ValueTask<IMessageChannel?> AcceptAsync(CancellationToken cancellationToken = default)
    {
        while (await _waiting.Reader.WaitToReadAsync(cancellationToken).ConfigureAwait(false))
        {
            // A client that hung up before it was accepted is nobody's channel.
            if (_waiting.Reader.TryRead(out var channel) && !channel.Closed.IsCompleted)
            {
                return channel;
            }
        }

        return null;
    }

    public ValueTask StopAcceptingAsync(CancellationToken cancellationToken = default)
    {
        if (Interlocked.Exchange(ref _stopping, 1) == 0)
        {
            _waiting.Writer.TryComplete();

            // Unbinds at once, and ends when the last channel has: the server lives as long as the channels it carries.
            _ = StopServerAsync();
        }

        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        await StopAcceptingAsync().ConfigureAwait(false);
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
        {
            return;
        }

        while (_waiting.Reader.TryRead(out var channel))
        {
            await channel.CloseAsync(ChannelCloseStatus.GoingAway).ConfigureAwait(false);
        }
    }

    public Task HandleAsync(HttpContext context)
    {
        if (!GrpcRequest.IsCall(context.Request) || context.Request.Path.Value?.Trim('/') == _target.Method)
        {
            return GrpcCallHandler.HandleAsync(context, _target.HasEnvelope, _options, _logger, Serve);
        }

        return GrpcCallHandler.HandleAsync(context, hasEnvelope: false, _options, _logger, channel =>
        {
            channel.GetFeature<IGrpcServerCall>()!.SetStatus(
                GrpcStatusCode.Unimplemented,
                $"There is no method {context.Request.Path.Value?.Trim('/')} here.");
            return Task.CompletedTask;
        });
    }

    private async Task Serve(GrpcMessageChannel channel)
    {
        if (!_waiting.Writer.TryWrite(channel))
        {
            channel.GetFeature<IGrpcServerCall>()!.SetStatus(GrpcStatusCode.Unavailable, "The server does not accept calls now.");
            return;
        }

        await channel.Closed.ConfigureAwait(false);
    }

    private async Task StopServerAsync()
    {
        try
        {
            await _app.StopAsync(CancellationToken.None).ConfigureAwait(false);
        }
        finally
        {
            await _app.DisposeAsync().ConfigureAwait(false);
        }
    }
}
