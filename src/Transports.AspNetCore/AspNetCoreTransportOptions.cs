using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Transports;

/// <summary>How channels are served on ASP.NET Core: by <c>MapMessageChannel</c>, and by <see cref="AspNetCoreTransport"/> when it listens.</summary>
public sealed class AspNetCoreTransportOptions : WebSocketChannelOptions
{
    /// <summary>
    /// The origins whose pages may open a WebSocket, such as <c>https://example.org</c> or <c>app://localhost</c>; <c>*</c> is any;
    /// <c>null</c> is pages without an origin of their own, such as local files and sandboxed frames, whoever made them. Names may be
    /// international, and a default port may be written or not. Default empty: only pages from this server's own host and port. Clients that are no browsers send no Origin and are not
    /// stopped by this. Event streams follow the application's CORS policies instead, as every request does: a page of another origin
    /// opens one only where a policy allows it.
    /// </summary>
    public IList<string> AllowedOrigins { get; } = [];

    /// <summary>The WebSocket subprotocols spoken here, the most wanted first. Default none: a client's offer is not answered.</summary>
    public IList<string> SubProtocols { get; } = [];

    /// <summary>How long handlers may go on once the application stops, before their channels are closed with <see cref="ChannelCloseStatus.GoingAway"/>. Default 5 seconds; must be positive.</summary>
    public TimeSpan StopTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// How many bytes of events each SSE session keeps for a client that comes back with <c>Last-Event-ID</c>. Default 64 KiB; 0
    /// keeps none and writes no ids: a session ends with its connection, and its channel is not
    /// <see cref="ChannelCharacteristics.IsReliable"/>. A page begins anew, a channel ends.
    /// </summary>
    public int SseReplayBufferSize { get; set; } = 64 * 1024;

    /// <summary>How long an SSE session waits for a client that is cut off to come back, before its channel ends with <see cref="ChannelCloseStatus.ConnectionLost"/>; and how long the last events of a closed one are kept for a client that was cut off before it had them. Default 15 seconds; must be positive.</summary>
    public TimeSpan SseSessionTimeout { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>How long clients are asked to wait before they come back (<c>retry</c>). Default 1 second; must be positive.</summary>
    public TimeSpan SseRetry { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>How often a comment is sent on an event stream, so that proxies and clients know it is alive. Default 15 seconds; must be positive.</summary>
    public TimeSpan SseKeepAliveInterval { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>How long an SSE client may leave a write untaken before its connection is cut; looked at every <see cref="SseKeepAliveInterval"/>. Default 30 seconds; must be positive.</summary>
    public TimeSpan SseWriteTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How many SSE sessions a route has at most; more are refused with HTTP status 503. Closed ones make room. Default 10,000; from 1.</summary>
    public int SseMaxSessions { get; set; } = 10_000;

    /// <summary>For listeners: how many opened channels wait to be accepted before more are refused with HTTP status 503. Default 512; from 1.</summary>
    public int AcceptBacklog { get; set; } = 512;

    /// <summary>For listeners at <c>wss</c> and <c>sse+https</c>, which need a certificate: how they show themselves and check their clients.</summary>
    public TlsServerOptions Tls { get; set; } = new();

    /// <summary>For listeners: how the system asks over silent connections whether the client's machine is still there. On by default.</summary>
    public TcpKeepAliveOptions TcpKeepAlive { get; set; } = new();

    /// <summary>
    /// For listeners: the HTTP versions. Default: HTTP/1.1, and with a certificate HTTP/2 too. Without one a port speaks either
    /// HTTP/1.1 or <see cref="HttpProtocols.Http2"/>, not both.
    /// </summary>
    public HttpProtocols? Protocols { get; set; }

    /// <summary>
    /// How long an HTTP/2 connection may be silent before a PING asks whether the client is still there; without one a client that stops
    /// is never noticed where its channels are idle. Default 30 seconds; at least 1 second. It is Kestrel's
    /// <c>Limits.Http2.KeepAlivePingDelay</c>, for all connections of the server, set by the first route that is mapped; <see langword="null"/>, or a value
    /// that the application has set there itself before, leaves that as it is.
    /// </summary>
    public TimeSpan? Http2KeepAliveInterval { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How long to wait for the answer to such a PING before the connection counts as lost. Default 20 seconds; at least 1 second.</summary>
    public TimeSpan Http2KeepAliveTimeout { get; set; } = TimeSpan.FromSeconds(20);

    /// <summary>For listeners: changes Kestrel's options, after everything else was set and before it listens. Default none.</summary>
    public Action<KestrelServerOptions>? ConfigureKestrel { get; set; }

    /// <summary>For gRPC: accept gzip from clients, and use it for those that accept it. Default off: secrets beside text that an attacker chooses should not be compressed, and small messages gain nothing.</summary>
    public bool EnableGrpcGzip { get; set; }

    /// <summary>For gRPC: the smallest message compressed, in bytes. Default 1 KiB; from 0 to 1 GiB.</summary>
    public int GrpcGzipThreshold { get; set; } = 1024;

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        ArgumentNullException.ThrowIfNull(Tls);
        ArgumentNullException.ThrowIfNull(TcpKeepAlive);
        TcpKeepAlive.Validate();
        OptionGuard.ThrowIfOutOfRange(GrpcGzipThreshold, 0, 1024 * 1024 * 1024, nameof(GrpcGzipThreshold));
        OptionGuard.ThrowIfNotPositive(StopTimeout, nameof(StopTimeout));
        ArgumentOutOfRangeException.ThrowIfLessThan(Http2KeepAliveInterval ?? TimeSpan.MaxValue, TimeSpan.FromSeconds(1), nameof(Http2KeepAliveInterval));
        ArgumentOutOfRangeException.ThrowIfLessThan(Http2KeepAliveTimeout, TimeSpan.FromSeconds(1), nameof(Http2KeepAliveTimeout));
        OptionGuard.ThrowIfOutOfRange(SseReplayBufferSize, 0, 1024 * 1024 * 1024, nameof(SseReplayBufferSize));
        OptionGuard.ThrowIfNotPositive(SseSessionTimeout, nameof(SseSessionTimeout));
        OptionGuard.ThrowIfNotPositive(SseRetry, nameof(SseRetry));
        OptionGuard.ThrowIfNotPositive(SseKeepAliveInterval, nameof(SseKeepAliveInterval));
        OptionGuard.ThrowIfNotPositive(SseWriteTimeout, nameof(SseWriteTimeout));
        OptionGuard.ThrowIfOutOfRange(SseMaxSessions, 1, int.MaxValue, nameof(SseMaxSessions));
        OptionGuard.ThrowIfOutOfRange(AcceptBacklog, 1, int.MaxValue, nameof(AcceptBacklog));
        foreach (var origin in AllowedOrigins)
        {
            if (origin is not (WebOrigin.Any or WebOrigin.Opaque) && WebOrigin.Normalize(origin) is null)
            {
                throw new ArgumentException($"'{origin}' is not an origin: write scheme, host and, unless it is the scheme's own, port, such as https://example.org; or *, or null.", nameof(AllowedOrigins));
            }
        }
    }
}
