using System.Buffers;

namespace Transports;

/// <summary>RFC 6455 as a framing, one for each channel: the decoder answers to its channel.</summary>
/// <param name="isServer">Which side this is.</param>
/// <param name="deflate">The compression agreed on, if any.</param>
/// <param name="pool">Where memory comes from.</param>
internal sealed class WebSocketFraming(bool isServer, WebSocketDeflateAgreement? deflate, ArrayPool<byte> pool) : IMessageFraming
{
    public string Name => "websocket";

    public bool IsServer => isServer;

    public bool IsCompressed => deflate is not null;

    /// <summary>The longest message that may be compressed, in bytes; 0 without compression.</summary>
    public int LargestCompressed => deflate?.LargestMessage ?? 0;

    public ArrayPool<byte> Pool => pool;

    /// <summary>Set by the channel, before anything is received.</summary>
    public WebSocketMessageChannel? Channel { get; set; }

    /// <summary>The decoder of the channel.</summary>
    public WebSocketDecoder? Decoder { get; private set; }

    public IFrameDecoder CreateDecoder(int maxMessageSize) => Decoder = new WebSocketDecoder(this, maxMessageSize);

    // Frames need the kind and the mask, so the channel writes them.
    public void WriteFrame(in ReadOnlySequence<byte> payload, IBufferWriter<byte> output)
        => throw new NotSupportedException("WebSocket frames are written by their channel.");
}
