using System.Buffers;

namespace Transports.WebSockets;

/// <summary>RFC 6455 for one channel: one WebSocket message is one message, its kind kept.</summary>
/// <remarks>
/// <para>A file a chapter: reading and unmasking (section 5), writing and masking (5.3), control frames (5.5), the end (7). The frame's layout is <see cref="FrameHeader"/>.</para>
/// <para>Messages in one frame are lent out of the receive buffer, unmasked where they lie. Fragments are joined, and compressed messages inflated, in memory of the codec's own.</para>
/// </remarks>
internal sealed partial class WebSocketCodec : MessageCodec, IWebSocketFeature
{
    private readonly ArrayPool<byte> _pool;
    private readonly int _maxMessageSize;

    /// <summary>A codec.</summary>
    /// <param name="isServer">Which side this is: clients mask their frames.</param>
    /// <param name="deflate">The compression agreed on, if any.</param>
    /// <param name="subProtocol">The subprotocol agreed on, if any.</param>
    /// <param name="options">Limits and habits.</param>
    public WebSocketCodec(bool isServer, WebSocketDeflateAgreement? deflate, string? subProtocol, WebSocketChannelOptions options)
        : this(isServer, deflate, subProtocol, options, options.KeepAliveInterval, options.KeepAliveTimeout)
    {
    }

    /// <summary>A codec.</summary>
    /// <param name="isServer">Which side this is: clients mask their frames.</param>
    /// <param name="deflate">The compression agreed on, if any.</param>
    /// <param name="subProtocol">The subprotocol agreed on, if any.</param>
    /// <param name="options">Limits.</param>
    /// <param name="keepAliveInterval">How long the peer may be silent before it is sent a ping.</param>
    /// <param name="keepAliveTimeout">How long it may stay silent after that.</param>
    public WebSocketCodec(
        bool isServer,
        WebSocketDeflateAgreement? deflate,
        string? subProtocol,
        MessageChannelOptions options,
        TimeSpan keepAliveInterval,
        TimeSpan keepAliveTimeout)
    {
        IsServer = isServer;
        SubProtocol = subProtocol;
        IsCompressed = deflate is not null;
        KeepAliveInterval = keepAliveInterval;
        KeepAliveTimeout = keepAliveTimeout;
        _pool = options.BufferPool;
        _maxMessageSize = options.MaxMessageSize;
        _largestCompressed = deflate?.MaxMessage ?? 0;
        _keys = isServer ? null : new MaskKeys();

        // A message is judged by its size once inflated, and compressing may make it larger: by 5 bytes a stored block, which are as small
        // as the sender's buffers, or by an eighth where a sender has only deflate's fixed code, of 9 bits for half of all bytes.
        _maxCompressedSize = _maxMessageSize + (_maxMessageSize / 8) + 1024L;
        _joined = new PooledBufferWriter(_pool);
    }

    public string? SubProtocol { get; }

    public bool IsCompressed { get; }

    public override bool PreservesMessageKind => true;

    public override TimeSpan KeepAliveInterval { get; }

    public override TimeSpan KeepAliveTimeout { get; }

    private bool IsServer { get; }

    public override void Release(bool abandon)
    {
        if (abandon)
        {
            _joined.Abandon();
            _inflated?.Abandon();
            return;
        }

        _joined.Clear();
        _inflated?.Clear();
    }
}
