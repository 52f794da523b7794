using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace Transports.AspNetCore;

/// <summary>Runs the handler of one endpoint over each of its channels, and ends them when the application stops.</summary>
internal sealed class ChannelRunner(MessageChannelHandler handler, ProtocolOptions options, ILogger logger, CancellationToken stoppingToken, bool ownsChannels = true)
{
    private readonly HandlerRunner _runner = new(handler, logger, options.Channels.TimeProvider);

    /// <summary>What runs the handler of a route.</summary>
    /// <param name="endpoints">The application's routes.</param>
    /// <param name="handler">Serves a channel.</param>
    /// <param name="options">The route's own options; by default the application's.</param>
    public static ChannelRunner Create(IEndpointRouteBuilder endpoints, MessageChannelHandler handler, MessageChannelEndpointOptions? options)
    {
        var services = endpoints.ServiceProvider;
        options ??= services.GetService<IOptions<MessageChannelEndpointOptions>>()?.Value ?? new MessageChannelEndpointOptions();
        options.Validate();
        if (services.GetService<IOptions<KestrelServerOptions>>()?.Value is { } kestrel)
        {
            // The server reads them with each connection, and has not started while routes are made.
            options.Http2.Apply(kestrel);
        }

        return new ChannelRunner(
            handler,
            options.ToProtocolOptions(),
            (services.GetService<ILoggerFactory>() ?? NullLoggerFactory.Instance).CreateLogger("Transports.AspNetCore"),
            services.GetService<IHostApplicationLifetime>()?.ApplicationStopping ?? CancellationToken.None);
    }

    public ProtocolOptions Options => options;

    public ILogger Logger => logger;

    /// <summary>Cancelled when the application stops: no channel is opened any more.</summary>
    public CancellationToken Stopping => stoppingToken;

    /// <summary>Serves a channel to its end, and disposes it; or only hands it on, where the handler takes it over. Never throws.</summary>
    /// <param name="context">The request that opened it.</param>
    /// <param name="channel">The channel.</param>
    public Task RunAsync(HttpContext context, IMessageChannel channel)
    {
        channel = GuardedRequest.Attach(context, channel);
        return ownsChannels ? ServeAsync(channel) : handler(channel, stoppingToken);
    }

    private async Task ServeAsync(IMessageChannel channel)
    {
        var serving = _runner.RunAsync(channel, stoppingToken);
        var registration = stoppingToken.UnsafeRegister(state => _ = CloseOverrunAsync(channel, (Task)state!), serving);
        await using (registration.ConfigureAwait(false))
        {
            await serving.ConfigureAwait(false);
        }
    }

    private async Task CloseOverrunAsync(IMessageChannel channel, Task serving)
    {
        try
        {
            await serving.WaitAsync(options.ShutdownTimeout, options.Channels.TimeProvider).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            await _runner.CloseOverrunAsync(channel).ConfigureAwait(false);
        }
    }
}
