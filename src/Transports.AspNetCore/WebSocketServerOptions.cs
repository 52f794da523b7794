namespace Transports;

/// <summary>How WebSockets are served.</summary>
public sealed class WebSocketServerOptions
{
    /// <summary>How long a client may be silent before it is sent a ping. Default 30 seconds; <see cref="Timeout.InfiniteTimeSpan"/> sends none.</summary>
    public TimeSpan KeepAliveInterval { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// How long after a ping has left the client may stay silent before the channel ends with <see cref="ChannelCloseStatus.TimedOut"/>.
    /// Default 20 seconds; <see cref="Timeout.InfiniteTimeSpan"/> waits for ever. See <see cref="WebSocketChannelOptions.KeepAliveTimeout"/>.
    /// </summary>
    public TimeSpan KeepAliveTimeout { get; set; } = TimeSpan.FromSeconds(20);

    /// <summary>Accepts permessage-deflate (RFC 7692) from clients that offer it. Default off, for the reasons of <see cref="WebSocketChannelOptions.EnableCompression"/>.</summary>
    public bool EnableCompression { get; set; }

    /// <summary>
    /// The origins whose pages may open a WebSocket, such as <c>https://example.org</c> or <c>app://localhost</c>; <c>*</c> is any;
    /// <c>null</c> is pages without an origin of their own, such as local files and sandboxed frames, whoever made them. Names may be
    /// international, and a default port may be written or not. Default empty: only pages from this server's own host and port. Clients that are no browsers send no Origin and are not
    /// stopped by this. Event streams follow the application's CORS policies instead, as every request does: a page of another origin
    /// opens one only where a policy allows it.
    /// </summary>
    public IList<string> AllowedOrigins { get; } = [];

    /// <summary>The subprotocols spoken here, the most wanted first (RFC 6455, section 1.9). Default none: a client's offer is not answered.</summary>
    public IList<string> SubProtocols { get; } = [];

    /// <summary>Checks the values.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A value is out of its range; the message names it and the range.</exception>
    /// <exception cref="ArgumentException">An origin or a subprotocol's name is none.</exception>
    public void Validate()
    {
        PositiveOrInfinite(KeepAliveInterval, nameof(KeepAliveInterval));
        PositiveOrInfinite(KeepAliveTimeout, nameof(KeepAliveTimeout));
        foreach (var name in SubProtocols)
        {
            if (!WebSocketHandshake.IsSubProtocol(name))
            {
                throw new ArgumentException($"'{name}' is not a subprotocol's name: use letters, digits and !#$%&'*+-.^_`|~ only.", nameof(SubProtocols));
            }
        }

        foreach (var origin in AllowedOrigins)
        {
            if (origin is not (WebOrigin.Any or WebOrigin.Opaque) && WebOrigin.Normalize(origin) is null)
            {
                throw new ArgumentException($"'{origin}' is not an origin: write scheme, host and, unless it is the scheme's own, port, such as https://example.org; or *, or null.", nameof(AllowedOrigins));
            }
        }
    }

    private static void PositiveOrInfinite(TimeSpan value, string name)
    {
        if (value != Timeout.InfiniteTimeSpan)
        {
            OptionGuard.ThrowIfNotPositive(value, name);
        }
    }
}
