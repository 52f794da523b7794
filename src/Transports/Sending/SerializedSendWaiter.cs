namespace Transports.Engine;

/// <summary>Waits to serialize a value in place. Not reused: waiting with a value is rare.</summary>
internal sealed class SerializedSendWaiter<T>(T value, IMessageSerializer<T> serializer) : SendWaiter
{
    public override long Size => 1;

    public override void WriteTo(SendQueue queue) => queue.WriteSerialized(value, serializer);

    protected override void Recycle()
    {
    }
}
