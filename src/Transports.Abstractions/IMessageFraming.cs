using System.Buffers;

namespace Transports;

/// <summary>How messages are cut out of a stream of bytes. Knows bytes and frames, no types and no sockets.</summary>
/// <remarks>One instance serves any number of channels at once; what belongs to one stream is in the decoder.</remarks>
public interface IMessageFraming
{
    /// <summary>A short name for logs and errors, such as <c>length-prefixed-4be</c>.</summary>
    string Name { get; }

    /// <summary>Makes a decoder for one stream.</summary>
    /// <param name="maxMessageSize">The largest payload accepted, in bytes, at least 0. Checked as soon as the length is known, before the body is buffered.</param>
    IFrameDecoder CreateDecoder(int maxMessageSize);

    /// <summary>Writes one frame.</summary>
    /// <param name="payload">The payload; may be empty.</param>
    /// <param name="output">Where to. Nothing has been written to it when this throws.</param>
    /// <exception cref="MessageFramingException">This framing cannot carry the payload, for instance because it holds the delimiter.</exception>
    void WriteFrame(in ReadOnlySequence<byte> payload, IBufferWriter<byte> output);
}
