namespace Transports.Udp;

/// <summary>The counters of a channel, each added to its listener's as well; what <see cref="IUdpStatisticsFeature"/> shows.</summary>
/// <remarks>Sent counts are written by the one flusher and received counts by the one reader of a channel; a listener's by many.</remarks>
/// <param name="kernelDrops">What the kernel dropped at the socket, which a listener's channels share.</param>
/// <param name="total">The listener's.</param>
internal sealed class UdpCounters(KernelDropCounter kernelDrops, UdpCounters? total = null) : IUdpStatisticsFeature
{
    private long _datagramsSent;
    private long _bytesSent;
    private long _datagramsReceived;
    private long _bytesReceived;
    private long _sendErrors;
    private long _droppedQueueFull;
    private long _droppedTooLarge;
    private long _refusedByAmplificationLimit;

    public long DatagramsSent => Volatile.Read(ref _datagramsSent);

    public long BytesSent => Volatile.Read(ref _bytesSent);

    public long DatagramsReceived => Volatile.Read(ref _datagramsReceived);

    public long BytesReceived => Volatile.Read(ref _bytesReceived);

    public long SendErrors => Volatile.Read(ref _sendErrors);

    public long DroppedQueueFull => Volatile.Read(ref _droppedQueueFull);

    public long DroppedTooLarge => Volatile.Read(ref _droppedTooLarge);

    public long RefusedByAmplificationLimit => Volatile.Read(ref _refusedByAmplificationLimit);

    public long DroppedByKernel => kernelDrops.Value;

    /// <summary>The counters of one more channel on the same socket.</summary>
    public UdpCounters ForChannel() => new(kernelDrops, this);

    /// <summary>See <see cref="KernelDropCounter.Keep"/>.</summary>
    public void KeepKernelDrops() => kernelDrops.Keep();

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

    public void AddSendErrors(long datagrams)
    {
        Interlocked.Add(ref _sendErrors, datagrams);
        total?.AddSendErrors(datagrams);
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
        Interlocked.Increment(ref _refusedByAmplificationLimit);
        total?.AddRefused();
    }
}
