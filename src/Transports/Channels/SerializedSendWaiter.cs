namespace Transports;

/// <summary>Waits to serialize a value.</summary>
internal sealed class SerializedSendWaiter<T>(T value, IMessageSerializer<T> serializer) : SendWaiter
{
    // What a value takes is known only once it is written, so it waits for an empty buffer's worth of one byte.
    public override long Size => 1;

    public override void WriteTo(ISendQueue sender) => sender.WriteSerialized(value, serializer);

    protected override void Clear()
    {
    }
}
