using System.Buffers;
using System.Buffers.Binary;
using System.Net;
using System.Runtime.CompilerServices;

namespace Transports;

/// <summary>A listener's channel with one peer. The listener puts datagrams into its bounded queue; sends go out of the listener's socket.</summary>
/// <remarks>
/// The queue is two buffers: one that the listener fills under a short lock, one that the receiver reads without a lock. They
/// change places when the second is empty.
/// </remarks>
internal sealed class UdpPeerChannel : UdpMessageChannel, IThreadPoolWorkItem
{
    /// <summary>The headers of IPv4 (20) and UDP (8): what a datagram costs the peer's network beyond its payload, at least.</summary>
    private const int HeaderSize = 28;

    private readonly UdpListener _listener;
    private readonly int _queueSize;
    private readonly bool _limitAmplification;
    private readonly Lock _queueGate = new();
    private readonly ReceiveSignal _signal = new();
    private FrameBuffer _filling;
    private FrameBuffer _reading;
    private int _position;
    private bool _stopped;
    private long _heard;
    private long _said;
    private bool _answered;

    public UdpPeerChannel(UdpListener listener, PeerKey key, SocketAddress address, UdpTransportOptions options, MessageChannelContext context)
        : base(listener.Socket, address, new UdpCounters(listener.Counters), options, context)
    {
        _listener = listener;
        Key = key;
        _queueSize = options.PeerQueueSize;
        _limitAmplification = options.LimitAmplification;
        _filling = new FrameBuffer(options.BufferPool);
        _reading = new FrameBuffer(options.BufferPool);
    }

    public PeerKey Key { get; }

    /// <summary>When the peer was heard last, as a timestamp of the clock; written by the listener.</summary>
    public long LastHeard { get; set; }

    /// <summary>Datagrams have come that its receiver was not told of yet; the listener's.</summary>
    public bool IsToBeWoken { get; set; }

    public override long DroppedByKernel => _listener.DroppedByKernel;

    protected override bool HasBufferedInput => _position < _reading.Length || _filling.Length > 0;

    public override TFeature? GetFeature<TFeature>()
        where TFeature : class
        => typeof(TFeature) == typeof(IUdpListenerStatistics) ? _listener as TFeature : base.GetFeature<TFeature>();

    /// <summary>A datagram of the peer, copied. Called by the listener alone.</summary>
    /// <returns><see langword="true"/> when the queue was empty, so that a receiver may be waiting.</returns>
    public bool Enqueue(ReadOnlySpan<byte> datagram)
    {
        if (_limitAmplification && !_answered)
        {
            // One that comes after something was sent to it is an answer, or as good as one: see LimitAmplification.
            Interlocked.Add(ref _heard, datagram.Length + HeaderSize);
            Volatile.Write(ref _answered, Volatile.Read(ref _said) > 0);
        }

        bool wasEmpty;
        lock (_queueGate)
        {
            if (_stopped || _filling.Length + sizeof(int) + datagram.Length > _queueSize)
            {
                Counters.AddQueueFull();
                return false;
            }

            wasEmpty = _filling.Length == 0;
            var frame = _filling.Append(sizeof(int) + datagram.Length);
            BinaryPrimitives.WriteInt32LittleEndian(frame, datagram.Length);
            datagram.CopyTo(frame[sizeof(int)..]);

            // Before the receiver can take it: who has received a datagram finds it counted.
            Counters.AddReceived(1, datagram.Length);
        }

        return wasEmpty;
    }

    public void CountTooLarge() => Counters.AddTooLarge();

    /// <summary>Runs a waiting receiver on this thread.</summary>
    public void Wake() => _signal.Set();

    /// <returns><see langword="false"/> when it had ended before.</returns>
    public bool TimeOut(TimeSpan idle) => End(new ChannelCloseInfo(
        ChannelCloseStatus.TimedOut, IsRemote: true, $"Nothing was heard from the peer for {idle.TotalSeconds:0.###} seconds (IdleTimeout)."));

    public void Lose(TransportException failure) => End(new ChannelCloseInfo(ChannelCloseStatus.ConnectionLost, IsRemote: false, failure.Message, Error: failure));

    void IThreadPoolWorkItem.Execute() => _signal.Set();

    protected override ValueTask SendCoreAsync(Message message, CancellationToken cancellationToken)
        => RefuseUnanswered(message.Length + HeaderSize) is { } refusal
            ? ValueTask.FromException(refusal)
            : base.SendCoreAsync(message, cancellationToken);

    protected override ValueTask SendBatchCoreAsync(ReadOnlyMemory<Message> batch, CancellationToken cancellationToken)
    {
        long cost = 0;
        if (_limitAmplification && !Volatile.Read(ref _answered))
        {
            foreach (ref readonly var message in batch.Span)
            {
                cost += message.Length + HeaderSize;
            }
        }

        return RefuseUnanswered(cost) is { } refusal
            ? ValueTask.FromException(refusal)
            : base.SendBatchCoreAsync(batch, cancellationToken);
    }

    protected override bool TryReceiveCore(out ReadOnlySequence<byte> payload, out MessageKind kind)
    {
        kind = MessageKind.Binary;
        if (_position == _reading.Length && !Swap())
        {
            payload = default;
            return false;
        }

        var memory = _reading.WrittenMemory[_position..];
        var length = BinaryPrimitives.ReadInt32LittleEndian(memory.Span);
        payload = new ReadOnlySequence<byte>(memory.Slice(sizeof(int), length));
        _position += sizeof(int) + length;
        return true;
    }

    protected override ValueTask<bool> WaitToReceiveCoreAsync(CancellationToken cancellationToken)
    {
        Sender.FlushBeforeWaiting();
        Sender.NoteRead();
        return WaitAsync(cancellationToken);
    }

    protected override void OnEnded() => _signal.Set();

    protected override void Forget() => _listener.Remove(this);

    protected override void ReleaseReceiveCore()
    {
        lock (_queueGate)
        {
            _stopped = true;
            _filling.Release();
        }

        _position = 0;
        _reading.Release();
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<bool> WaitAsync(CancellationToken cancellationToken)
    {
        await _signal.WaitAsync(cancellationToken).ConfigureAwait(false);
        return true;
    }

    private bool Swap()
    {
        _position = 0;
        _reading.Length = 0;
        lock (_queueGate)
        {
            if (_filling.Length == 0)
            {
                return false;
            }

            (_filling, _reading) = (_reading, _filling);
        }

        return true;
    }

    // Takes the cost off the allowance. A send that is then given up for want of room leaves it taken: the safe side.
    private UdpUnansweredException? RefuseUnanswered(long cost)
    {
        if (!_limitAmplification || Volatile.Read(ref _answered))
        {
            return null;
        }

        while (true)
        {
            var said = Volatile.Read(ref _said);
            var allowance = Volatile.Read(ref _heard) - said;
            if (cost > allowance)
            {
                Counters.AddRefused();
                return new UdpUnansweredException(cost, allowance);
            }

            if (Interlocked.CompareExchange(ref _said, said + cost, said) == said)
            {
                return null;
            }
        }
    }
}
