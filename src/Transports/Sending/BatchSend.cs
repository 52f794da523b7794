namespace Transports.Engine;

/// <summary>Several messages that stay together.</summary>
internal readonly struct BatchSend(ReadOnlyMemory<Message> batch, long payloadSize) : IFrameSend
{
    public long Size => payloadSize + ((long)batch.Length * MessageSend.HeaderEstimate);

    public void WriteTo(SendQueue queue) => queue.WriteFrames(batch.Span);

    public SendWaiter CreateWaiter(SendQueue queue)
    {
        var waiter = queue.RentWaiter();
        waiter.Set(batch, Size);
        return waiter;
    }
}
