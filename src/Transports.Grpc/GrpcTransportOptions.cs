namespace Transports;

/// <summary>Limits and settings of gRPC clients.</summary>
public sealed class GrpcTransportOptions : MessageChannelOptions
{
    /// <summary>Metadata sent with every call.</summary>
    public GrpcMetadata Headers { get; } = [];

    /// <summary>
    /// The version of HTTP: 2.0, the default, or 3.0, which needs <c>grpc+https</c>, MsQuic (<c>libmsquic</c> on Linux), and an open UDP port. No other is tried:
    /// a server without it cannot be reached. <see cref="KeepAliveInterval"/>, <see cref="StreamWindowSize"/> and <see cref="EnableMultipleHttp2Connections"/> are of HTTP/2 only.
    /// </summary>
    public Version HttpVersion { get; set; } = System.Net.HttpVersion.Version20;

    /// <summary>How long a whole call may take. Default <see cref="System.Threading.Timeout.InfiniteTimeSpan"/>, for ever, since a channel may live for days; must be positive otherwise. For one call, use <see cref="GrpcCallOptions.Timeout"/>.</summary>
    public TimeSpan Timeout { get; set; } = System.Threading.Timeout.InfiniteTimeSpan;

    /// <summary>Offer and accept gzip, message by message. Default off: secrets beside text that an attacker chooses should not be compressed, and small messages gain nothing.</summary>
    public bool EnableCompression { get; set; }

    /// <summary>The smallest message compressed, in bytes. Default 1 KiB; from 0 to 1 GiB.</summary>
    public int CompressionThreshold { get; set; } = 1024;

    /// <summary>How long connecting may take, TLS included. Default 15 seconds; must be positive.</summary>
    public TimeSpan ConnectTimeout { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>
    /// How long a connection with calls may be silent before an HTTP/2 PING asks whether the server is still there;
    /// <see cref="System.Threading.Timeout.InfiniteTimeSpan"/> for never. Default 330 seconds: servers built on gRPC's C core end a connection that pings more often
    /// than every 5 minutes. At least 1 second.
    /// </summary>
    public TimeSpan KeepAliveInterval { get; set; } = TimeSpan.FromSeconds(330);

    /// <summary>How long to wait for the answer to a PING before the connection counts as lost. Default 20 seconds; at least 1 second, or <see cref="System.Threading.Timeout.InfiniteTimeSpan"/>, which waits for ever.</summary>
    public TimeSpan KeepAliveTimeout { get; set; } = TimeSpan.FromSeconds(20);

    /// <summary>Open another connection when the server allows no more streams on the first. Default <see langword="true"/>; otherwise the call waits for a stream to end.</summary>
    public bool EnableMultipleHttp2Connections { get; set; } = true;

    /// <summary>How many bytes a server may send on one call before they are received, in bytes. Default 1 MiB; from 65,535 to 16 MiB.</summary>
    public int StreamWindowSize { get; set; } = 1024 * 1024;

    /// <summary>How to show this side over TLS and to check the server. Default: no certificate, and the system's trust.</summary>
    public TlsClientOptions Tls { get; set; } = new();

    /// <summary>How the system asks over silent connections whether the server's machine is still there. On by default.</summary>
    public TcpKeepAliveOptions TcpKeepAlive { get; set; } = new();

    /// <summary>Changes the HTTP handler before first use, for what has no option here, such as a proxy.</summary>
    public Action<SocketsHttpHandler>? ConfigureHandler { get; set; }

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        ArgumentNullException.ThrowIfNull(Tls);
        ArgumentNullException.ThrowIfNull(TcpKeepAlive);
        TcpKeepAlive.Validate();
        if (Timeout != System.Threading.Timeout.InfiniteTimeSpan)
        {
            OptionGuard.ThrowIfNotPositive(Timeout, nameof(Timeout));
        }

        ArgumentNullException.ThrowIfNull(HttpVersion);
        if (HttpVersion != System.Net.HttpVersion.Version20 && HttpVersion != System.Net.HttpVersion.Version30)
        {
            throw new ArgumentOutOfRangeException(nameof(HttpVersion), HttpVersion, "gRPC needs trailers, so HTTP/2 or HTTP/3: set HttpVersion to 2.0 or 3.0.");
        }

        OptionGuard.ThrowIfOutOfRange(CompressionThreshold, 0, 1024 * 1024 * 1024, nameof(CompressionThreshold));
        OptionGuard.ThrowIfNotPositive(ConnectTimeout, nameof(ConnectTimeout));
        CheckPing(KeepAliveInterval, nameof(KeepAliveInterval));
        CheckPing(KeepAliveTimeout, nameof(KeepAliveTimeout));
        OptionGuard.ThrowIfOutOfRange(StreamWindowSize, 65_535, 16 * 1024 * 1024, nameof(StreamWindowSize));
    }

    private static void CheckPing(TimeSpan value, string name)
    {
        if (value != System.Threading.Timeout.InfiniteTimeSpan)
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, TimeSpan.FromSeconds(1), name);
        }
    }
}
