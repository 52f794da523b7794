namespace Transports;

/// <summary>Where a <see cref="SendWaiter"/> waits for room and, once there is, writes what it holds.</summary>
internal interface ISendQueue
{
    /// <summary>Takes a waiter out whose caller gave up.</summary>
    /// <returns><see langword="false"/> when somebody else took it out, and completes it.</returns>
    bool TryRemove(SendWaiter waiter);

    /// <summary>Takes a completed waiter back for reuse.</summary>
    void Recycle(MessageSendWaiter waiter);

    /// <summary>Writes one message, whole or not at all. Called under the queue's gate.</summary>
    void WriteFrame(in Message message);

    /// <summary>Writes all messages of a batch, or none. Called under the queue's gate.</summary>
    void WriteFrames(ReadOnlySpan<Message> batch);

    /// <summary>Serializes a value in place, or takes everything back. Called under the queue's gate.</summary>
    void WriteSerialized<T>(T value, IMessageSerializer<T> serializer);
}
