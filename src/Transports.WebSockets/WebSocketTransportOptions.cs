namespace Transports;

/// <summary>How <see cref="WebSocketTransport"/> connects.</summary>
public sealed class WebSocketTransportOptions : WebSocketChannelOptions
{
    /// <summary>
    /// The HTTP version of the handshake: 1.1, the default, with an upgrade (RFC 6455); or 2.0 with an extended CONNECT
    /// (RFC 8441), where many channels share one connection. The server must speak it: there is no falling back.
    /// </summary>
    public Version HttpVersion { get; set; } = System.Net.HttpVersion.Version11;

    /// <summary>The subprotocols offered, the most wanted first (RFC 6455, section 1.9). Default none. See <see cref="IWebSocketFeature.SubProtocol"/> for the one agreed on.</summary>
    public IList<string> SubProtocols { get; } = [];

    /// <summary>Changes the handshake's request before it is sent, for headers such as Authorization, Cookie and Origin. Default none.</summary>
    public Action<HttpRequestMessage>? ConfigureRequest { get; set; }

    /// <summary>How to show this side over TLS and to check the server. Default: no certificate, and the system's trust.</summary>
    public TlsClientOptions Tls { get; set; } = new();

    /// <summary>How the system asks over silent connections whether the server's machine is still there. On by default.</summary>
    public TcpKeepAliveOptions TcpKeepAlive { get; set; } = new();

    /// <summary>Changes the platform's handler once, before its first use: proxy, credentials, cookies. Default none. A connect callback set here replaces ours.</summary>
    public Action<SocketsHttpHandler>? ConfigureHandler { get; set; }

    /// <summary>How long connecting may take, handshakes included. Default 30 seconds; must be positive.</summary>
    public TimeSpan ConnectTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        ArgumentNullException.ThrowIfNull(Tls);
        ArgumentNullException.ThrowIfNull(TcpKeepAlive);
        TcpKeepAlive.Validate();
        OptionGuard.ThrowIfNotPositive(ConnectTimeout, nameof(ConnectTimeout));
        ArgumentNullException.ThrowIfNull(HttpVersion);
        if (HttpVersion != System.Net.HttpVersion.Version11 && HttpVersion != System.Net.HttpVersion.Version20)
        {
            throw new ArgumentOutOfRangeException(nameof(HttpVersion), HttpVersion, "WebSockets are opened over HTTP/1.1 or HTTP/2: set HttpVersion to 1.1 or 2.0.");
        }

        foreach (var name in SubProtocols)
        {
            if (!WebSocketHandshake.IsSubProtocol(name))
            {
                throw new ArgumentException($"'{name}' is not a subprotocol's name: use letters, digits and !#$%&'*+-.^_`|~ only.", nameof(SubProtocols));
            }
        }
    }
}
