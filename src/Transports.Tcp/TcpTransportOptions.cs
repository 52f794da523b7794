namespace Transports;

/// <summary>What <see cref="TcpTransport"/> can be told, for <c>tcp</c>, <c>tls</c> and <c>unix</c> addresses alike.</summary>
public sealed class TcpTransportOptions : MessageChannelOptions
{
    /// <summary>How messages are cut out of the bytes; both ends must use the same. Default <see cref="LengthPrefixedFraming.Default"/>: four bytes, big-endian.</summary>
    public IMessageFraming Framing { get; set; } = LengthPrefixedFraming.Default;

    /// <summary>
    /// Sends small writes at once instead of waiting to fill a segment (turns Nagle's algorithm off). Default
    /// <see langword="true"/>: the channel gathers messages itself. No meaning for <c>unix</c>.
    /// </summary>
    public bool NoDelay { get; set; } = true;

    /// <summary>
    /// How long connecting may take, over name resolution and all addresses of the name together; a TLS handshake has
    /// <see cref="HandshakeTimeout"/> on top. Default 15 seconds; must be positive.
    /// </summary>
    public TimeSpan ConnectTimeout { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>
    /// How long one address of a name is tried before the next one is tried beside it (RFC 8305, section 5, "Connection
    /// Attempt Delay"). Default 250 milliseconds, as recommended there; from 10 milliseconds to 2 seconds, its limits.
    /// </summary>
    public TimeSpan ConnectionAttemptDelay { get; set; } = TcpConnector.DefaultAttemptDelay;

    /// <summary>How the system asks over silent connections whether the peer is still there. On by default; no meaning for <c>unix</c>.</summary>
    public TcpKeepAliveOptions TcpKeepAlive { get; set; } = new();

    /// <summary>How many connections the operating system holds for a listener that has not accepted them yet. Default 512; from 1 to 65,535. The system may cap it lower.</summary>
    public int ListenBacklog { get; set; } = 512;

    /// <summary>
    /// How many connections a listener holds at once that <see cref="IMessageListener.AcceptAsync"/> has not given out yet:
    /// TLS handshakes in progress, and open channels waiting. Default 256; from 1 to 65,535. Further ones wait with the system, as <see cref="ListenBacklog"/> allows.
    /// A TLS listener that is full drops the oldest handshake that has lasted for a second, so that peers which do not finish theirs keep nobody out.
    /// </summary>
    public int AcceptBacklog { get; set; } = 256;

    /// <summary>How long a TLS handshake may take, on either side. Default 10 seconds; must be positive.</summary>
    public TimeSpan HandshakeTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>How a client of <c>tls</c> addresses shows itself and checks the server.</summary>
    public TlsClientOptions TlsClient { get; set; } = new();

    /// <summary>How a listener on a <c>tls</c> address shows itself and checks its clients. Without a certificate there, none can be opened.</summary>
    public TlsServerOptions TlsServer { get; set; } = new();

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        ArgumentNullException.ThrowIfNull(Framing);
        ArgumentNullException.ThrowIfNull(TlsClient);
        ArgumentNullException.ThrowIfNull(TlsServer);
        ArgumentNullException.ThrowIfNull(TcpKeepAlive);
        TcpKeepAlive.Validate();
        OptionGuard.ThrowIfNotPositive(ConnectTimeout, nameof(ConnectTimeout));
        OptionGuard.ThrowIfNotPositive(HandshakeTimeout, nameof(HandshakeTimeout));
        OptionGuard.ThrowIfOutOfRange((long)ConnectionAttemptDelay.TotalMilliseconds, 10, 2000, nameof(ConnectionAttemptDelay));
        OptionGuard.ThrowIfOutOfRange(ListenBacklog, 1, ushort.MaxValue, nameof(ListenBacklog));
        OptionGuard.ThrowIfOutOfRange(AcceptBacklog, 1, ushort.MaxValue, nameof(AcceptBacklog));
    }
}
