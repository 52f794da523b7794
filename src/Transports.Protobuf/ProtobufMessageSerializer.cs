using System.Buffers;
using Google.Protobuf;

namespace Transports;

/// <summary>Protobuf messages in the binary wire format, each as one payload without a length of its own.</summary>
/// <typeparam name="T">The generated message type.</typeparam>
/// <remarks>
/// <para>A payload that is not the wire format, or is nested more than 100 deep, gives an <see cref="InvalidProtocolBufferException"/>,
/// unwrapped; that one message is consumed and the channel stays open. Bytes of another message type often parse, as unknown
/// fields: the wire format does not name its type. Over <see cref="VarintFraming"/> the stream is that of <c>writeDelimitedTo</c>.</para>
/// <para>A value must not be changed by another thread while it is sent.</para>
/// </remarks>
public sealed class ProtobufMessageSerializer<T> : IMessageSerializer<T>
    where T : IMessage<T>, new()
{
    // Parsers have no state of their own, so one serves all threads.
    private static readonly MessageParser<T> Parser = new(static () => new T());

    /// <summary>The serializer; it has no settings.</summary>
    public static ProtobufMessageSerializer<T> Default { get; } = new();

    /// <summary><see cref="MessageKind.Binary"/>.</summary>
    public MessageKind Kind => MessageKind.Binary;

    /// <inheritdoc/>
    public void Serialize(T value, IBufferWriter<byte> output)
    {
        ArgumentNullException.ThrowIfNull(value);
        ArgumentNullException.ThrowIfNull(output);

        // The size is needed anyway, for nested messages, and spares the output growing on the way.
        var size = value.CalculateSize();
        value.WriteTo(output.GetSpan(size)[..size]);
        output.Advance(size);
    }

    /// <inheritdoc/>
    /// <exception cref="InvalidProtocolBufferException">The payload is not a protobuf message.</exception>
    public T Deserialize(in ReadOnlySequence<byte> payload) => Parser.ParseFrom(payload);
}
