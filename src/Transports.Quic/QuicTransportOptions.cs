using System.Net.Security;

namespace Transports;

/// <summary>The limits and choices of QUIC channels, connections and listeners.</summary>
public sealed class QuicTransportOptions : MessageChannelOptions
{
    /// <summary>The application protocol that Transports speaks over QUIC, named by ALPN (RFC 7301).</summary>
    public static SslApplicationProtocol DefaultApplicationProtocol { get; } = new("transports/1");

    /// <summary>How a listener, which needs a certificate, shows itself and checks its clients. QUIC is TLS 1.3, and names its own application protocol.</summary>
    public TlsServerOptions TlsServer { get; set; } = new();

    /// <summary>How a client shows itself and checks the server.</summary>
    public TlsClientOptions TlsClient { get; set; } = new();

    /// <summary>The name of the application protocol, in both directions. Default <see cref="DefaultApplicationProtocol"/>; not empty. Both ends must agree.</summary>
    public SslApplicationProtocol ApplicationProtocol { get; set; } = DefaultApplicationProtocol;

    /// <summary>
    /// How long connecting may take, over name resolution and all addresses of the name together, each of which has
    /// <see cref="HandshakeTimeout"/> at most. Default 15 seconds; must be positive.
    /// </summary>
    public TimeSpan ConnectTimeout { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>How long a handshake may take, and a new stream to show its first byte. Default 10 seconds; must be positive.</summary>
    public TimeSpan HandshakeTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>How long a connection may be silent before it is given up; the smaller of both ends' counts. Default 30 seconds; must be positive. Its channels end with <see cref="ChannelCloseStatus.TimedOut"/>. A listener also closes a connection that has carried no channel for this long, kept alive or not.</summary>
    public TimeSpan IdleTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How often a silent connection is kept alive. Default 10 seconds; must be positive, or <see cref="Timeout.InfiniteTimeSpan"/> for never. Should be less than half of <see cref="IdleTimeout"/>.</summary>
    public TimeSpan KeepAliveInterval { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// Whether channels to one authority (host and port) share a connection: one handshake, and none of them waits for
    /// the order of another's messages. Default <see langword="false"/>: each has its own. The connection is closed with its last channel.
    /// MsQuic sends the streams of a connection first come, first served: give a flow that fills the path a connection of its own.
    /// </summary>
    public bool ShareConnections { get; set; }

    /// <summary>How many channels the peer may have open on one connection. Default 100; from 1 to 65,535. Its further ones wait on its side.</summary>
    public int MaxInboundChannels { get; set; } = 100;

    /// <summary>How many connections a listener keeps at once. Default 1,024; from 1 to 1,000,000. One more is closed with <see cref="ChannelCloseStatus.PolicyViolation"/>.</summary>
    public int MaxConnections { get; set; } = 1024;

    /// <summary>How many connections wait for their handshake to be looked at. Default 512; from 1 to 65,535. Further ones are refused.</summary>
    public int ListenBacklog { get; set; } = 512;

    /// <summary>How many channels that the peer has opened wait to be accepted. Default 128; from 1 to 1,000,000. Further ones wait in their connections.</summary>
    public int AcceptBacklog { get; set; } = 128;

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        ArgumentNullException.ThrowIfNull(TlsServer);
        ArgumentNullException.ThrowIfNull(TlsClient);
        if (ApplicationProtocol.Protocol.IsEmpty)
        {
            throw new ArgumentException($"{nameof(ApplicationProtocol)} must not be empty: QUIC always names a protocol (RFC 9001, section 8.1).", nameof(ApplicationProtocol));
        }

        OptionGuard.ThrowIfNotPositive(ConnectTimeout, nameof(ConnectTimeout));
        OptionGuard.ThrowIfNotPositive(HandshakeTimeout, nameof(HandshakeTimeout));
        OptionGuard.ThrowIfNotPositive(IdleTimeout, nameof(IdleTimeout));
        if (KeepAliveInterval != Timeout.InfiniteTimeSpan)
        {
            OptionGuard.ThrowIfNotPositive(KeepAliveInterval, nameof(KeepAliveInterval));
        }

        OptionGuard.ThrowIfOutOfRange(MaxInboundChannels, 1, ushort.MaxValue, nameof(MaxInboundChannels));
        OptionGuard.ThrowIfOutOfRange(MaxConnections, 1, 1_000_000, nameof(MaxConnections));
        OptionGuard.ThrowIfOutOfRange(ListenBacklog, 1, ushort.MaxValue, nameof(ListenBacklog));
        OptionGuard.ThrowIfOutOfRange(AcceptBacklog, 1, 1_000_000, nameof(AcceptBacklog));
    }

    internal ChannelCharacteristics Characteristics => new()
    {
        IsReliable = true,
        IsOrdered = true,
        SupportsHalfClose = true,
        IsEncrypted = true,
        IsMultiplexed = true,
        MaxMessageSize = MaxMessageSize,
    };
}
