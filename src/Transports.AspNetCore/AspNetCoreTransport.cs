using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

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
    public ChannelCharacteristics Characteristics => WebSocketTransport.CharacteristicsOf(isEncrypted: false, isMultiplexed: false);

    /// <inheritdoc/>
    public async ValueTask<IMessageListener> ListenAsync(Uri address, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(address);
        if (!address.IsAbsoluteUri || !Schemes.Contains(address.Scheme))
        {
            throw new ArgumentException($"Kestrel listens here at {string.Join(", ", Schemes)} addresses, not at '{address}'.", nameof(address));
        }

        return await KestrelListener.StartAsync(address, _options, _loggerFactory, cancellationToken).ConfigureAwait(false);
    }
}
