namespace Transports;

/// <summary>How <see cref="SseTransport"/> dials.</summary>
public sealed class SseTransportOptions : MessageChannelOptions
{
    /// <summary>The HTTP version: 1.1, the default, or 2.0, where the stream and what is sent share one connection. The server must speak it.</summary>
    public Version HttpVersion { get; set; } = System.Net.HttpVersion.Version11;

    /// <summary>Changes each request before it is sent, for headers such as Authorization. Default none.</summary>
    public Action<HttpRequestMessage>? ConfigureRequest { get; set; }

    /// <summary>Changes the platform's handler once, before its first use: proxy, credentials, certificates, cookies. Default none.</summary>
    public Action<SocketsHttpHandler>? ConfigureHandler { get; set; }

    /// <summary>How long dialling may take, and each answer to what is asked for when reconnecting. Default 30 seconds; must be positive.</summary>
    public TimeSpan ConnectTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// How long a channel may be without its server, trying again and again, before it ends with
    /// <see cref="ChannelCloseStatus.ConnectionLost"/>. Default 30 seconds; zero never tries again.
    /// </summary>
    public TimeSpan ReconnectTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How long to wait before trying again, until the server says otherwise with <c>retry</c>. Default 1 second; must be positive.</summary>
    public TimeSpan ReconnectDelay { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>
    /// After how long without a byte, keep-alive comments included, the connection counts as lost and is opened again. Default
    /// 60 seconds; <see cref="Timeout.InfiniteTimeSpan"/> waits for ever.
    /// </summary>
    public TimeSpan IdleTimeout { get; set; } = TimeSpan.FromSeconds(60);

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        OptionChecks.Positive(ConnectTimeout, nameof(ConnectTimeout));
        OptionChecks.Positive(ReconnectDelay, nameof(ReconnectDelay));
        OptionChecks.InRange((long)ReconnectTimeout.TotalMilliseconds, 0, int.MaxValue, nameof(ReconnectTimeout));
        if (IdleTimeout != Timeout.InfiniteTimeSpan)
        {
            OptionChecks.Positive(IdleTimeout, nameof(IdleTimeout));
        }

        ArgumentNullException.ThrowIfNull(HttpVersion);
        if (HttpVersion != System.Net.HttpVersion.Version11 && HttpVersion != System.Net.HttpVersion.Version20)
        {
            throw new ArgumentOutOfRangeException(nameof(HttpVersion), HttpVersion, "Server-sent events are read over HTTP/1.1 or HTTP/2: set HttpVersion to 1.1 or 2.0.");
        }
    }
}
