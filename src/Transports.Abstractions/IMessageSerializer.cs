using System.Buffers;

namespace Transports;

/// <summary>Turns objects into payloads and back. Knows no frames and no sockets.</summary>
/// <typeparam name="T">The type of the objects.</typeparam>
/// <remarks>Called by many threads at once, for different messages.</remarks>
public interface IMessageSerializer<T>
{
    /// <summary>The kind of message that payloads are sent as.</summary>
    MessageKind Kind { get; }

    /// <summary>Writes a value.</summary>
    /// <param name="value">The value.</param>
    /// <param name="output">Where to. When this throws, what was written is taken back. May be the channel's own output buffer under its lock: do not call the channel from here, and do not keep <paramref name="output"/>.</param>
    void Serialize(T value, IBufferWriter<byte> output);

    /// <summary>Reads a value.</summary>
    /// <param name="payload">One whole payload. It must not be kept: its memory is lent.</param>
    /// <returns>The value, in memory of its own.</returns>
    T Deserialize(in ReadOnlySequence<byte> payload);
}
