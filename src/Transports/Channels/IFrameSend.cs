namespace Transports;

/// <summary>Something to send: what the one path of <see cref="FrameSender"/> asks of it. Structs, so that it costs no call.</summary>
internal interface IFrameSend
{
    /// <summary>About how many bytes it will add to the buffer.</summary>
    long Size { get; }

    /// <summary>Writes its frames, all or none. Called under the sender's gate.</summary>
    void WriteTo(FrameSender sender);

    /// <summary>What waits for room in its place.</summary>
    SendWaiter CreateWaiter(FrameSender sender);
}

/// <summary>One message.</summary>
internal readonly struct MessageSend(Message message) : IFrameSend
{
    // Room for a header is counted without asking the framing: a few bytes more or less do not matter to the bound.
    internal const int HeaderEstimate = 8;

    public long Size => message.Length + HeaderEstimate;

    public void WriteTo(FrameSender sender) => sender.WriteFrame(message);

    public SendWaiter CreateWaiter(FrameSender sender)
    {
        var waiter = sender.RentWaiter();
        waiter.Set(message, Size);
        return waiter;
    }
}

/// <summary>Several messages that stay together.</summary>
internal readonly struct BatchSend(ReadOnlyMemory<Message> batch) : IFrameSend
{
    public long Size
    {
        get
        {
            long size = 0;
            foreach (ref readonly var message in batch.Span)
            {
                size += message.Length + MessageSend.HeaderEstimate;
            }

            return size;
        }
    }

    public void WriteTo(FrameSender sender) => sender.WriteFrames(batch.Span);

    public SendWaiter CreateWaiter(FrameSender sender)
    {
        var waiter = sender.RentWaiter();
        waiter.Set(batch, Size);
        return waiter;
    }
}

/// <summary>A value that is serialized in place.</summary>
internal readonly struct SerializedSend<T>(T value, IMessageSerializer<T> serializer) : IFrameSend
{
    // What a value takes is known only once it is written.
    public long Size => 1;

    public void WriteTo(FrameSender sender) => sender.WriteSerialized(value, serializer);

    public SendWaiter CreateWaiter(FrameSender sender) => new SerializedSendWaiter<T>(value, serializer);
}
