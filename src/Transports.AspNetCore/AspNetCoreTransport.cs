using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Transports.Extensibility;

namespace Transports;

/// <summary>Listens at <c>ws://</c>, <c>wss://</c>, <c>sse+http://</c> and <c>sse+https://</c> addresses with a Kestrel of its own; the clients are in the packages of the protocols.</summary>
/// <remarks>In an application that has a web server, <c>MapMessageChannel</c> serves the same protocols at its routes.</remarks>
public sealed class AspNetCoreTransport : IServerTransport
{
    private readonly AspNetCoreTransportOptions _options;
    private readonly ILoggerFactory _loggerFactory;

    /// <summary>A transport with options of its own.</summary>
    /// <param name="options">How to listen; by default as <see cref="AspNetCoreTransportOptions"/> says.</param>
    /// <param name="loggerFactory">Where to log; by default nowhere.</param>
    public AspNetCoreTransport(AspNetCoreTransportOptions? options = null, ILoggerFactory? loggerFactory = null)
    {
        _options = options ?? new AspNetCoreTransportOptions();
        _options.Validate();
        _loggerFactory = loggerFactory ?? NullLoggerFactory.Instance;
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> Schemes { get; } = ["ws", "wss", "sse+http", "sse+https"];

    /// <inheritdoc/>
    public ChannelCharacteristics GetCharacteristics(string scheme) => scheme.StartsWith("sse+", StringComparison.Ordinal)
        ? SseChannels.Describe(ChannelDirection.UnidirectionalSend, isReliable: true, isEncrypted: scheme == "sse+https", isMultiplexed: false) with { MaxMessageSize = _options.MaxMessageSize }
        : WebSocketTransport.CharacteristicsOf(isEncrypted: scheme == "wss", isMultiplexed: false) with { MaxMessageSize = _options.MaxMessageSize };

    /// <inheritdoc/>
    public async ValueTask<IMessageListener> ListenAsync(Uri address, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(address);
        if (!address.IsAbsoluteUri || !Schemes.Contains(address.Scheme))
        {
            throw new ArgumentException($"Kestrel listens here at {string.Join(", ", Schemes)} addresses, not at '{AddressText.Of(address)}'.", nameof(address));
        }

        AddressText.ThrowIfUserInfo(address, "check clients' credentials by their requests", nameof(address));
        var settings = new KestrelListenerSettings
        {
            Protocols = _options.Protocols ?? (KestrelListener.IsEncrypted(address) ? HttpProtocols.Http1AndHttp2 : HttpProtocols.Http1),
            Tls = _options.Tls,
            TcpKeepAlive = _options.TcpKeepAlive,
            Backlog = _options.AcceptBacklog,

            // An event stream that breaks is asked for again, and what a client sends comes in requests of its own.
            ChannelsNeedRequests = address.Scheme.StartsWith("sse+", StringComparison.Ordinal),
            Configure = kestrel =>
            {
                KestrelLimits.KeepAlive(kestrel, _options);
                _options.ConfigureKestrel?.Invoke(kestrel);
            },
        };
        return await KestrelListener.StartAsync(address, settings, Serve, _loggerFactory, cancellationToken).ConfigureAwait(false);
    }

    private static async Task HandOutAsync(KestrelListener listener, IMessageChannel channel)
    {
        if (!listener.TryHandOut(channel))
        {
            await channel.CloseAsync(
                ChannelCloseStatus.GoingAway,
                listener.Stopping.IsCancellationRequested ? "The server stops." : "Too many channels wait to be accepted.",
                CancellationToken.None).ConfigureAwait(false);
            await channel.DisposeAsync().ConfigureAwait(false);
        }
    }

    private RequestDelegate Serve(KestrelListener listener)
    {
        var path = listener.LocalAddress.AbsolutePath;
        var runner = new ChannelRunner(
            (channel, _) => HandOutAsync(listener, channel),
            _options,
            _loggerFactory.CreateLogger<AspNetCoreTransport>(),
            listener.Stopping,
            ownsChannels: false);
        var endpoint = new ChannelEndpoint([ChannelProtocols.ForScheme(listener.LocalAddress.Scheme, runner)]);
        return context => context.Request.Path == path
            ? endpoint.InvokeAsync(context)
            : Problem.WriteAsync(context, StatusCodes.Status404NotFound, "Nothing is served here.", $"Channels are opened at {path}.");
    }
}
