namespace Transports.Engine;

/// <summary>A value that is serialized in place.</summary>
internal readonly struct SerializedSend<T>(T value, IMessageSerializer<T> serializer) : IFrameSend
{
    // What a value takes is known only once it is written.
    public long Size => 1;

    public void WriteTo(SendQueue queue) => queue.WriteSerialized(value, serializer);

    public SendWaiter CreateWaiter(SendQueue queue) => new SerializedSendWaiter<T>(value, serializer);
}
