namespace Transports;

/// <summary>The counters of a channel, each added to its listener's as well.</summary>
/// <remarks>Sent counts are written by the one flusher and received counts by the one reader of a channel; a listener's by many.</remarks>
internal sealed class UdpCounters(UdpCounters? total = null)
{
    private long _datagramsSent;
    private long _bytesSent;
    private long _datagramsReceived;
    private long _bytesReceived;
    private long _droppedUnsent;
    private long _droppedQueueFull;
    private long _droppedTooLarge;
    private long _refusedUnanswered;

    public long DatagramsSent => Volatile.Read(ref _datagramsSent);

    public long BytesSent => Volatile.Read(ref _bytesSent);

    public long DatagramsReceived => Volatile.Read(ref _datagramsReceived);

    public long BytesReceived => Volatile.Read(ref _bytesReceived);

    public long DroppedUnsent => Volatile.Read(ref _droppedUnsent);

    public long DroppedQueueFull => Volatile.Read(ref _droppedQueueFull);

    public long DroppedTooLarge => Volatile.Read(ref _droppedTooLarge);

    public long RefusedUnanswered => Volatile.Read(ref _refusedUnanswered);

    public void AddSent(long datagrams, long bytes)
    {
        Interlocked.Add(ref _datagramsSent, datagrams);
        Interlocked.Add(ref _bytesSent, bytes);
        total?.AddSent(datagrams, bytes);
    }

    public void AddReceived(long datagrams, long bytes)
    {
        Interlocked.Add(ref _datagramsReceived, datagrams);
        Interlocked.Add(ref _bytesReceived, bytes);
        total?.AddReceived(datagrams, bytes);
    }

    public void AddUnsent(long datagrams)
    {
        Interlocked.Add(ref _droppedUnsent, datagrams);
        total?.AddUnsent(datagrams);
    }

    public void AddQueueFull()
    {
        Interlocked.Increment(ref _droppedQueueFull);
        total?.AddQueueFull();
    }

    public void AddTooLarge()
    {
        Interlocked.Increment(ref _droppedTooLarge);
        total?.AddTooLarge();
    }

    public void AddRefused()
    {
        Interlocked.Increment(ref _refusedUnanswered);
        total?.AddRefused();
    }
}
