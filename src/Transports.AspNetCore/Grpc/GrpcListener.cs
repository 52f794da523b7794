using System.Threading.Channels;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Transports;

/// <summary>Hands out the calls of one method as channels.</summary>
internal sealed class GrpcListener : IMessageListener
{
    private readonly WebApplication _app;
    private readonly GrpcAddress _target;
    private readonly GrpcServerTransportOptions _options;
    private readonly ILogger _logger;
    private readonly Channel<IMessageChannel> _waiting;
    private int _stopping;
    private int _disposed;

    public GrpcListener(WebApplication app, GrpcAddress target, GrpcServerTransportOptions options, ILogger logger)
    {
        _app = app;
        _target = target;
        _options = options;
        _logger = logger;
        LocalAddress = target.Http;
        _waiting = Channel.CreateBounded<IMessageChannel>(options.Backlog);
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
        var isOurs = !GrpcRequest.IsCall(context.Request) || context.Request.Path.Value?.Trim('/') == _target.Method;
        return GrpcCallHandler.HandleAsync(
            context,
            isOurs && _target.HasEnvelope,
            _options,
            new GrpcCompression { IsEnabled = _options.EnableGzip, Threshold = _options.GzipThreshold },
            _logger,
            isOurs ? Serve : RefuseMethod);
    }

    private static Task RefuseMethod(IMessageChannel channel)
    {
        var call = channel.GetFeature<IGrpcServerCall>()!;
        call.SetStatus(GrpcStatusCode.Unimplemented, $"There is no method {call.Method} here.");
        return Task.CompletedTask;
    }

    private async Task Serve(IMessageChannel channel)
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
            // The server itself, not the host, which would cut the channels off at its shutdown timeout.
            await _app.Services.GetRequiredService<IServer>().StopAsync(CancellationToken.None).ConfigureAwait(false);
            await _app.StopAsync(CancellationToken.None).ConfigureAwait(false);
        }
        finally
        {
            await _app.DisposeAsync().ConfigureAwait(false);
        }
    }
}
