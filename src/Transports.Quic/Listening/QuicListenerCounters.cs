namespace Transports.Quic;

/// <summary>What a listener counts, from any thread.</summary>
internal sealed class QuicListenerCounters
{
    private long _connectionsRefused;
    private long _handshakesFailed;
    private long _streamsRefused;
    private int _pendingStreams;

    public long ConnectionsRefused => Interlocked.Read(ref _connectionsRefused);

    public long HandshakesFailed => Interlocked.Read(ref _handshakesFailed);

    public long StreamsRefused => Interlocked.Read(ref _streamsRefused);

    public int PendingStreamCount => Volatile.Read(ref _pendingStreams);

    public void ConnectionRefused() => Interlocked.Increment(ref _connectionsRefused);

    public void HandshakeFailed() => Interlocked.Increment(ref _handshakesFailed);

    public void StreamArrived() => Interlocked.Increment(ref _pendingStreams);

    public void StreamDecided(bool accepted)
    {
        if (!accepted)
        {
            Interlocked.Increment(ref _streamsRefused);
        }

        Interlocked.Decrement(ref _pendingStreams);
    }
}
