namespace Transports.Engine;

/// <summary>One message.</summary>
internal readonly struct MessageSend(Message message) : IFrameSend
{
    // Room for a header is counted without asking the codec: a few bytes more or less do not matter to the bound.
    internal const int HeaderEstimate = 8;

    private readonly Message _message = message;

    public long Size => _message.Length + HeaderEstimate;

    public void WriteTo(SendQueue queue) => queue.WriteFrame(_message);

    public SendWaiter CreateWaiter(SendQueue queue)
    {
        var waiter = queue.RentWaiter();
        waiter.Set(_message, Size);
        return waiter;
    }
}
