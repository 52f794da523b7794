namespace Transports;

/// <summary>How <see cref="SseTransport"/> connects.</summary>
public sealed class SseTransportOptions : MessageChannelOptions
{
    /// <summary>
    /// Options with the defaults. <see cref="MessageChannelOptions.SendBufferSize"/> is 1 MiB here: what is sent goes in requests one after the
    /// other, each with all that has gathered, so it is also how much is sent in the time that a request takes.
    /// </summary>
    public SseTransportOptions()
    {
        SendBufferSize = 1024 * 1024;
    }

    /// <summary>The HTTP version: 1.1, the default; 2.0 or 3.0, where the stream and what is sent share one connection. The server must speak it; 3.0 needs libmsquic.</summary>
    public Version HttpVersion { get; set; } = System.Net.HttpVersion.Version11;

    /// <summary>Changes each request before it is sent, for headers such as Authorization. Default none.</summary>
    public Action<HttpRequestMessage>? ConfigureRequest { get; set; }

    /// <summary>How to show this side over TLS and to check the server. Default: no certificate, and the system's trust.</summary>
    public TlsClientOptions Tls { get; set; } = new();

    /// <summary>How the system asks over silent connections whether the server's machine is still there. On by default.</summary>
    public TcpKeepAliveOptions TcpKeepAlive { get; set; } = new();

    /// <summary>
    /// Changes the platform's handler once, before its first use: proxy, credentials, cookies (<c>UseCookies</c>, for load balancers that
    /// keep a client at a server by a cookie). Default none. Redirects are followed by the transport, up to <c>MaxAutomaticRedirections</c>. A connect callback set here replaces ours.
    /// </summary>
    public Action<SocketsHttpHandler>? ConfigureHandler { get; set; }

    /// <summary>
    /// How long connecting may take, and each try to reach the server later: the answer to what is asked for when reconnecting, and to what is
    /// sent, counted from the last bytes sent. Default 30 seconds; must be positive.
    /// </summary>
    public TimeSpan ConnectTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// How long a channel may be without its server, trying again and again, before it ends with
    /// <see cref="ChannelCloseStatus.ConnectionLost"/>. Default 30 seconds; zero never tries again, and then a stream that ends whole is the server's
    /// close. The try under way at that time is the last; one at least is made after a wait, however long the server asks for.
    /// </summary>
    public TimeSpan ReconnectTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// How long to wait before opening the stream again, until the server says otherwise with <c>retry</c>. Default 1 second; must be positive, at most
    /// a day. The first try comes at once after a stream that has lasted longer than this. Each that fails adds a wait that grows from about this, doubling, with
    /// jitter, up to <see cref="MaxReconnectDelay"/>. A server's <c>retry</c> below 100 milliseconds counts as 100, or as this if it is less.
    /// </summary>
    public TimeSpan ReconnectDelay { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>How long failed tries make the next one wait at most. Default 10 seconds; must be positive, at most a day.</summary>
    public TimeSpan MaxReconnectDelay { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>The longest wait the server may ask for, with <c>retry</c> or Retry-After. Default 5 minutes; must be positive. For more the channel does not wait: it ends with <see cref="ChannelCloseStatus.ConnectionLost"/>.</summary>
    public TimeSpan MaxRequestedDelay { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>
    /// After how long without a byte, keep-alive comments included, the connection counts as lost and is opened again. Default
    /// 60 seconds; <see cref="Timeout.InfiniteTimeSpan"/> waits for ever.
    /// </summary>
    public TimeSpan IdleTimeout { get; set; } = TimeSpan.FromSeconds(60);

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        ArgumentNullException.ThrowIfNull(Tls);
        ArgumentNullException.ThrowIfNull(TcpKeepAlive);
        TcpKeepAlive.Validate();
        OptionGuard.ThrowIfNotPositive(ConnectTimeout, nameof(ConnectTimeout));
        OptionGuard.ThrowIfNotPositive(ReconnectDelay, nameof(ReconnectDelay));
        OptionGuard.ThrowIfNotPositive(MaxReconnectDelay, nameof(MaxReconnectDelay));
        OptionGuard.ThrowIfNotPositive(MaxRequestedDelay, nameof(MaxRequestedDelay));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(ReconnectDelay, TimeSpan.FromDays(1), nameof(ReconnectDelay));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(MaxReconnectDelay, TimeSpan.FromDays(1), nameof(MaxReconnectDelay));
        OptionGuard.ThrowIfOutOfRange((long)ReconnectTimeout.TotalMilliseconds, 0, int.MaxValue, nameof(ReconnectTimeout));
        if (IdleTimeout != Timeout.InfiniteTimeSpan)
        {
            OptionGuard.ThrowIfNotPositive(IdleTimeout, nameof(IdleTimeout));
        }

        ArgumentNullException.ThrowIfNull(HttpVersion);
        if (HttpVersion != System.Net.HttpVersion.Version11 && HttpVersion != System.Net.HttpVersion.Version20 && HttpVersion != System.Net.HttpVersion.Version30)
        {
            throw new ArgumentOutOfRangeException(nameof(HttpVersion), HttpVersion, "Server-sent events are read over HTTP/1.1, HTTP/2 or HTTP/3: set HttpVersion to 1.1, 2.0 or 3.0.");
        }
    }
}
