using System.Buffers;

namespace Transports;

/// <summary>What a <see cref="FrameSender"/> needs of its channel. Called by one flusher, or under the sender's gate.</summary>
internal interface IFrameSenderChannel
{
    /// <summary>Something has arrived that no receive has returned yet; a hint.</summary>
    bool HasBufferedInput { get; }

    /// <summary>Why a send cannot be done now, or <see langword="null"/>.</summary>
    Exception? SendRefusal();

    /// <summary>Writes one message as a frame; what was written is taken back when this throws.</summary>
    void WriteFrame(in Message message, IBufferWriter<byte> output);

    /// <summary>Writes the header of a payload that was serialized in place.</summary>
    int WriteHeader(IHeaderFraming framing, long payloadLength, MessageKind kind, Span<byte> header);

    /// <summary>Hands whole frames to the operating system. One call at a time; the memory is not kept.</summary>
    ValueTask WriteAsync(ReadOnlyMemory<byte> frames);

    /// <summary>A write failed: end the channel.</summary>
    void OnWriteFailed(Exception error);
}
