using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace Transports;

/// <summary>Runs the handler of one endpoint over each of its channels, and ends them when the application stops.</summary>
internal sealed class ChannelRunner(MessageChannelHandler handler, AspNetCoreTransportOptions options, ILogger logger, CancellationToken stopping, bool ownsChannels = true)
{
    /// <summary>What runs the handler of a route.</summary>
    /// <param name="endpoints">The application's routes.</param>
    /// <param name="handler">Serves a channel.</param>
    /// <param name="options">The route's own options; by default the application's.</param>
    public static ChannelRunner Create(IEndpointRouteBuilder endpoints, MessageChannelHandler handler, AspNetCoreTransportOptions? options)
    {
        var services = endpoints.ServiceProvider;
        options ??= services.GetService<IOptions<AspNetCoreTransportOptions>>()?.Value ?? new AspNetCoreTransportOptions();
        options.Validate();
        if (services.GetService<IOptions<KestrelServerOptions>>()?.Value is { } kestrel)
        {
            // The server reads them with each connection, and has not started while routes are made.
            KestrelLimits.KeepAlive(kestrel, options);
        }

        return new ChannelRunner(
            handler,
            options,
            (services.GetService<ILoggerFactory>() ?? NullLoggerFactory.Instance).CreateLogger<AspNetCoreTransport>(),
            services.GetService<IHostApplicationLifetime>()?.ApplicationStopping ?? CancellationToken.None);
    }

    public AspNetCoreTransportOptions Options => options;

    public ILogger Logger => logger;

    /// <summary>Cancelled when the application stops: no channel is opened any more.</summary>
    public CancellationToken Stopping => stopping;

    /// <summary>Serves a channel to its end, and disposes it; or only hands it on, where the handler takes it over. Never throws.</summary>
    public Task RunAsync(IMessageChannel channel) => ownsChannels ? ServeAsync(channel) : handler(channel, stopping);

    private async Task ServeAsync(IMessageChannel channel)
    {
        var serving = Task.CompletedTask;
        try
        {
            serving = handler(channel, stopping);
            var registration = stopping.UnsafeRegister(state => _ = CloseLaterAsync(channel, (Task)state!), serving);
            await using (registration.ConfigureAwait(false))
            {
                await serving.ConfigureAwait(false);
            }

            await channel.CloseAsync(stopping.IsCancellationRequested ? ChannelCloseStatus.GoingAway : ChannelCloseStatus.Normal).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            await channel.CloseAsync(ChannelCloseStatus.GoingAway).ConfigureAwait(false);
        }
        catch (TransportException) when (channel.Closed.IsCompleted)
        {
            // The channel's end, which it has logged itself.
        }
        catch (Exception e)
        {
            Log.HandlerFailed(logger, e, channel.Id);
            await channel.CloseAsync(ChannelCloseStatus.InternalError, "The handler failed.").ConfigureAwait(false);
        }

        await channel.DisposeAsync().ConfigureAwait(false);
    }

    private async Task CloseLaterAsync(IMessageChannel channel, Task serving)
    {
        // A handler that heeds the token ends the channel itself.
        await Task.WhenAny(serving, Task.Delay(options.StopTimeout, options.TimeProvider, CancellationToken.None)).ConfigureAwait(false);
        await channel.CloseAsync(ChannelCloseStatus.GoingAway, "The server stops.", CancellationToken.None).ConfigureAwait(false);
    }
}
