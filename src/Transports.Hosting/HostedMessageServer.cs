using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Transports;

/// <summary>A <see cref="MessageServer"/> that the host starts and stops. Resolve it with the server's name as the key to learn its port or its load.</summary>
public sealed class HostedMessageServer : IHostedService
{
    private readonly IServiceProvider _services;
    private readonly MessageChannelHandler _handler;
    private MessageServer? _server;

    internal HostedMessageServer(string name, MessageChannelHandler handler, IServiceProvider services)
    {
        Name = name;
        _handler = handler;
        _services = services;
    }

    /// <summary>The name it was added with.</summary>
    public string Name { get; }

    /// <summary>The address bound, with the real port; <see langword="null"/> until the host has started it.</summary>
    public Uri? LocalAddress => Volatile.Read(ref _server)?.LocalAddress;

    /// <summary>How many channels are open.</summary>
    public int ChannelCount => Volatile.Read(ref _server)?.ChannelCount ?? 0;

    /// <summary>How many may be open; 0 until the host has started it.</summary>
    public int MaxChannels { get; private set; }

    /// <summary><see langword="true"/> while peers can connect.</summary>
    public bool IsAccepting => Volatile.Read(ref _server)?.IsAccepting ?? false;

    /// <inheritdoc/>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        var options = _services.GetRequiredService<IOptionsMonitor<HostedMessageServerOptions>>().Get(Name);
        var loggers = _services.GetService<ILoggerFactory>();
        if (options.Guard is { } guard)
        {
            options.Server.Guard = new ConnectionGuard(guard, _services.GetService<MeteredBufferPool>(), loggers, options.Server.TimeProvider);
        }

        var server = new MessageServer(
            _services.GetRequiredService<IMessageChannelFactory>(),
            options.Address!,
            _handler,
            options.Server,
            loggers);
        MaxChannels = options.Server.MaxChannels;
        await server.StartAsync(cancellationToken).ConfigureAwait(false);
        Volatile.Write(ref _server, server);
    }

    /// <inheritdoc/>
    public Task StopAsync(CancellationToken cancellationToken)
        => Volatile.Read(ref _server)?.StopAsync(cancellationToken) ?? Task.CompletedTask;
}
