using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Transports;

/// <summary>QUIC: <c>quic://host:port</c> (RFC 9000). Each channel is a stream of its own; several may share a connection.</summary>
/// <remarks>
/// <para>Always encrypted: a listener needs a certificate, in <see cref="QuicTransportOptions.TlsServer"/>, and a client
/// checks it. Further channels on a channel's connection are opened through <see cref="IMultiplexedConnectionFeature"/>; each
/// channel that a peer opens comes out of the listener's <see cref="IMessageListener.AcceptAsync"/>, first or further.</para>
/// <para>Listening: <c>localhost</c> is 127.0.0.1, as one listener has one socket; an IP address is that one; <c>[::]</c> is every address of the machine, of both families.</para>
/// <para>Uses System.Net.Quic, which on Linux and macOS needs the native library libmsquic, 2.5 or later. Where it is missing, connecting and
/// listening throw <see cref="TransportUnavailableException"/>, which says how to install it; everything else works without.</para>
/// <para>A close's status reaches the peer, its description does not. .NET offers no datagrams, 0-RTT or migration, so neither does this.</para>
/// </remarks>
public sealed class QuicTransport : IClientTransport, IServerTransport
{
    private readonly QuicTransportOptions _options;
    private readonly ILogger _logger;
    private readonly QuicConnector? _connector;

    /// <summary>QUIC with the given limits and choices.</summary>
    /// <param name="options">Limits and choices; by default those of <see cref="QuicTransportOptions"/>.</param>
    /// <param name="loggerFactory">Where it logs; by default nowhere.</param>
    /// <exception cref="ArgumentException">A value is out of its range.</exception>
    public QuicTransport(QuicTransportOptions? options = null, ILoggerFactory? loggerFactory = null)
    {
        _options = options ?? new QuicTransportOptions();
        _options.Validate();
        _logger = loggerFactory?.CreateLogger("Transports.Quic") ?? NullLogger.Instance;
        if (QuicSupport.IsSupported)
        {
            _connector = new QuicConnector(_options, _logger);
        }
    }

    /// <summary>Whether this machine has what QUIC needs.</summary>
    public static bool IsSupported => QuicSupport.IsSupported;

    /// <inheritdoc/>
    public IReadOnlyList<string> Schemes { get; } = ["quic"];

    /// <inheritdoc/>
    public ChannelCharacteristics GetCharacteristics(string scheme) => _options.Characteristics;

    /// <inheritdoc/>
    public ValueTask<IMessageChannel> ConnectAsync(Uri address, CancellationToken cancellationToken = default)
    {
        HostAddress.ParseForConnect(address, "quic");
        return QuicSupport.IsSupported && _connector is { } connector
            ? connector.ConnectAsync(address, cancellationToken)
            : ValueTask.FromException<IMessageChannel>(QuicSupport.Missing());
    }

    /// <inheritdoc/>
    public ValueTask<IMessageListener> ListenAsync(Uri address, CancellationToken cancellationToken = default)
    {
        HostAddress.Parse(address, "quic");
        return QuicSupport.IsSupported
            ? QuicMessageListener.StartAsync(address, _options, _logger, cancellationToken)
            : ValueTask.FromException<IMessageListener>(QuicSupport.Missing());
    }
}
