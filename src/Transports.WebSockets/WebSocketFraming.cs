using System.Buffers;

namespace Transports;

/// <summary>RFC 6455 as a framing, one for each channel: the decoder answers to its channel.</summary>
internal sealed class WebSocketFraming(bool isServer, bool compressed, ArrayPool<byte> pool) : IMessageFraming
{
    public string Name => "websocket";

    public bool IsServer => isServer;

    public bool IsCompressed => compressed;

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
