using System.Buffers;

namespace Transports;

/// <summary>Server-sent events as a framing, one for each channel: the decoder answers to its channel.</summary>
internal sealed class SseFraming(ArrayPool<byte> pool) : IMessageFraming
{
    public string Name => "event-stream";

    public ArrayPool<byte> Pool => pool;

    /// <summary>The peer is this library's, so its event types mean what <see cref="SseWire"/> says. Elsewhere an event is an event.</summary>
    public bool IsOwn { get; set; }

    /// <summary>The channel's last word was written; the connection may say so to whoever keeps something for it.</summary>
    public bool EndWritten { get; set; }

    /// <summary>For a server that is posted to: the client has posted its last event.</summary>
    public bool PeerEnded { get; set; }

    /// <summary>Set by the channel, before anything is received.</summary>
    public SseMessageChannel? Channel { get; set; }

    public SseDecoder? Decoder { get; private set; }

    public IFrameDecoder CreateDecoder(int maxMessageSize) => Decoder = new SseDecoder(this, maxMessageSize);

    public void WriteFrame(in ReadOnlySequence<byte> payload, IBufferWriter<byte> output)
        => SseEventWriter.Write(output, payload, MessageKind.Binary);
}
