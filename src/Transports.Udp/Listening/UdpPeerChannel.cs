using System.Buffers.Binary;
using System.Diagnostics;
using System.Net;

namespace Transports.Udp;

/// <summary>A listener's channel with one peer. The listener puts datagrams into its bounded queue; sends go out of the listener's socket.</summary>
/// <remarks>
/// The queue is two buffers: one that the listener fills under a short lock, one that the receiver reads without a lock. They
/// change places when the second is empty.
/// </remarks>
[DebuggerDisplay("{LocalAddress} with {RemoteAddress}, {_filling.Length} bytes waiting, closed: {Closed.IsCompleted}")]
internal sealed class UdpPeerChannel : UdpMessageChannel, IThreadPoolWorkItem
{
    private readonly UdpListener _listener;
    private readonly int _queueSize;
    private readonly AmplificationLimit _limit;
    private readonly Lock _queueGate = new();
    private readonly AsyncAutoResetSignal _signal = new();
    private OutputBuffer _filling;
    private OutputBuffer _reading;
    private int _position;
    private bool _stopped;

    public UdpPeerChannel(UdpListener listener, PeerKey key, SocketAddress address, UdpEndPoints endPoints, UdpTransportOptions options, MessageChannelContext context)
        : base(new DatagramWriter(listener.Socket, address, key.Local, listener.Room, counters: listener.Counters.ForChannel(), options), endPoints, options, context)
    {
        _listener = listener;
        Key = key;
        _queueSize = options.PeerQueueSize;
        _limit = new AmplificationLimit(options.LimitAmplification);
        _filling = new OutputBuffer(options.BufferPool);
        _reading = new OutputBuffer(options.BufferPool);
    }

    public PeerKey Key { get; }

    /// <summary>When the peer was heard last, as a timestamp of the clock; written by the listener.</summary>
    public long LastHeard { get; set; }

    /// <summary>Datagrams have come that its receiver was not told of yet; the listener's.</summary>
    public bool IsToBeWoken { get; set; }

    /// <summary>Which of the table's lists it stands in; this and its neighbors are the table's.</summary>
    public UdpPeerList? List { get; set; }

    /// <summary>Heard before this one.</summary>
    public UdpPeerChannel? Older { get; set; }

    /// <summary>Heard after this one.</summary>
    public UdpPeerChannel? Newer { get; set; }

    protected override bool HasBufferedInput => _position < _reading.Length || _filling.Length > 0;

    public override TFeature? GetFeature<TFeature>()
        where TFeature : class
        => typeof(TFeature) == typeof(IUdpListenerStatisticsFeature) ? _listener as TFeature : base.GetFeature<TFeature>();

    /// <summary>A datagram of the peer, copied. Called by the listener alone.</summary>
    /// <returns><see langword="true"/> when the queue was empty, so that a receiver may be waiting.</returns>
    public bool Enqueue(ReadOnlySpan<byte> datagram)
    {
        _limit.OnReceived(datagram.Length);
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
    public bool TimeOut(TimeSpan idle) => Terminate(new ChannelCloseInfo(
        ChannelCloseStatus.TimedOut, IsRemote: true, $"Nothing was heard from the peer for {idle.TotalSeconds:0.###} seconds (IdleTimeout)."));

    /// <summary>Its place was given to a newcomer.</summary>
    public void Evict(int maxPeers)
    {
        Terminate(new ChannelCloseInfo(
            ChannelCloseStatus.PolicyViolation,
            IsRemote: false,
            $"The listener has room for {maxPeers} peers (MaxPeers); this one had been silent longest, and a new one took its place."));
    }

    /// <summary>The listener's socket is gone.</summary>
    public void Terminate(TransportException failure) => Terminate(new ChannelCloseInfo(ChannelCloseStatus.ConnectionLost, IsRemote: false, failure.Message, Exception: failure));

    void IThreadPoolWorkItem.Execute() => _signal.Set();

    protected override ValueTask SendCoreAsync(in Message message, CancellationToken cancellationToken)
        => _limit.Applies && GetLimitError(message.Length + AmplificationLimit.HeaderSize) is { } error
            ? ValueTask.FromException(error)
            : base.SendCoreAsync(message, cancellationToken);

    protected override bool TrySendCore(in Message message)
        => _limit.Applies && GetLimitError(message.Length + AmplificationLimit.HeaderSize) is { } error ? throw error : base.TrySendCore(message);

    protected override ValueTask SendBatchCoreAsync(ReadOnlyMemory<Message> batch, CancellationToken cancellationToken)
    {
        long cost = 0;
        if (_limit.Applies)
        {
            foreach (ref readonly var message in batch.Span)
            {
                cost += message.Length + AmplificationLimit.HeaderSize;
            }
        }

        return GetLimitError(cost) is { } error
            ? ValueTask.FromException(error)
            : base.SendBatchCoreAsync(batch, cancellationToken);
    }

    protected override bool ReceiveCore(ref ReceivedMessages messages)
    {
        if (_position == _reading.Length && !Swap())
        {
            return false;
        }

        var memory = _reading.WrittenMemory[_position..];
        var length = BinaryPrimitives.ReadInt32LittleEndian(memory.Span);
        messages.Set(memory.Slice(sizeof(int), length));
        _position += sizeof(int) + length;
        return true;
    }

    protected override ValueTask<bool> WaitToReceiveCoreAsync(CancellationToken cancellationToken)
    {
        Queue.FlushBeforeWaiting();
        Queue.NoteRead();

        // What has come is received before the end is told.
        return CloseInfo is null ? _signal.WaitToReceiveAsync(cancellationToken) : new ValueTask<bool>(HasBufferedInput);
    }

    // An end runs nobody's code: neither its caller's thread nor the listener's reading thread.
    protected override void OnClosing()
    {
        _signal.RunContinuationsAsynchronously();
        _signal.Set();
    }

    protected override void Release() => _listener.Remove(this);

    protected override void ReleaseReceiveCore(bool abandon)
    {
        lock (_queueGate)
        {
            _stopped = true;
            _filling.Release();
        }

        _position = 0;
        if (abandon)
        {
            _reading.Abandon();
        }
        else
        {
            _reading.Release();
        }
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

    private UdpAmplificationLimitException? GetLimitError(long cost)
    {
        var error = _limit.TryTake(cost);
        if (error is not null)
        {
            Counters.AddRefused();
        }

        return error;
    }
}
