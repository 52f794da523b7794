using System.Buffers;
using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;

namespace Transports.Extensibility;

/// <summary>
/// Where sends become frames: messages are copied once, under a short lock, into the buffer that is being filled; senders without room
/// wait first in, first out; batches stay together; a cancelled send was not sent. For authors of channels.
/// </summary>
/// <remarks>
/// <para><b>Bound</b>: a sender waits while its bytes would take the filling buffer over <see cref="MessageChannelOptions.SendBufferSize"/>, unless that buffer is
/// empty. Waiting senders are served in order by whoever takes the buffer out.</para>
/// <para><b>States</b> of what may be sent:</para>
/// <code>
/// Open      --Refuse-->  Refused   new senders get the refusal, waiting ones too unless they are to be served; accepted bytes are written
/// Refused   --TryClose--> Refused  the protocol's goodbye goes behind what was accepted
/// Open, Refused --Fail--> Failed   everybody waiting and everybody to come gets the failure; memory goes back
/// </code>
/// <para><b>The gate</b> guards everything here. A serializer runs under it; the gate is re-entrant, so a serializer that uses the channel it writes to is told.</para>
/// </remarks>
public sealed partial class SendQueue
{
    /// <summary>After so many bytes of sends that all completed at once, others get a turn.</summary>
    internal const int BytesPerTurn = 256 * 1024;

    private readonly Lock _gate = new();
    private readonly MessageCodec _codec;
    private readonly ISendQueueConsumer _consumer;
    private readonly ArrayPool<byte> _pool;
    private readonly int _maxHeaderSize;
    private readonly int _maxMessageSize;
    private readonly int _limit;
    private OutputBuffer _filling;
    private OutputBuffer? _scratch;
    private WaiterList _waiters;
    private WaiterList _flushes;
    private FlushWaiter? _spareFlush;
    private Exception? _failure;
    private Exception? _refusal;
    private bool _isOpen = true;
    private bool _serializing;
    private bool _closeWritten;

    // A sender is inside the gate. A hint to who comes meanwhile.
    private volatile bool _isTaking;
    private long _atOnce;
    private long _accepted;
    private long _written;

    /// <summary>A queue whose frames a loop writes to a sink.</summary>
    /// <param name="codec">Writes frames.</param>
    /// <param name="sink">Takes them.</param>
    /// <param name="options">Limits and services.</param>
    /// <param name="maxMessageSize">The longest payload in bytes, for values whose size is known only once they are serialized.</param>
    public SendQueue(MessageCodec codec, IFrameSink sink, MessageChannelOptions options, int maxMessageSize)
        : this(codec, options, maxMessageSize)
    {
        ArgumentNullException.ThrowIfNull(sink);
        Loop = new WriteLoop(this, sink);
        _consumer = Loop;
    }

    internal SendQueue(MessageCodec codec, ISendQueueConsumer consumer, MessageChannelOptions options, int maxMessageSize)
        : this(codec, options, maxMessageSize)
    {
        _consumer = consumer;
    }

    [SuppressMessage("Usage", "CS8618", Justification = "The two constructors that call this one set the consumer.")]
#pragma warning disable CS8618
    private SendQueue(MessageCodec codec, MessageChannelOptions options, int maxMessageSize)
#pragma warning restore CS8618
    {
        ArgumentNullException.ThrowIfNull(codec);
        ArgumentNullException.ThrowIfNull(options);
        _codec = codec;
        _maxHeaderSize = codec.MaxHeaderSize;
        _maxMessageSize = maxMessageSize;
        _limit = options.SendBufferSize;
        _pool = options.BufferPool;
        Time = options.TimeProvider;
        _filling = new OutputBuffer(_pool);
    }

    private enum PutResult
    {
        Put,
        PutAndRun,
        Later,
        Failed,
    }

    /// <summary>Nobody has been told yet that there is something to take out. The consumer's to set, under the gate.</summary>
    internal bool IsConsumerIdle { get; set; } = true;

    internal Lock Gate => _gate;

    internal ArrayPool<byte> Pool => _pool;

    internal TimeProvider Time { get; }

    internal MessageCodec Codec => _codec;

    internal int Limit => _limit;

    /// <summary>The loop that writes; <see langword="null"/> where something else takes frames out.</summary>
    internal WriteLoop? Loop { get; }

    /// <summary>Bytes that were accepted and have not been handed on, or senders that wait. Under the gate.</summary>
    internal bool HasPending => _filling.Length > 0 || !_waiters.IsEmpty || _replyDue || _pingDue;

    internal bool IsFailed => _failure is not null;

    internal bool IsSerializing => _serializing;

    internal OutputBuffer Filling => _filling;

    /// <summary>Sends one message; see <see cref="IMessageChannel.SendAsync(Message, CancellationToken)"/>.</summary>
    /// <param name="message">The message, of an allowed size.</param>
    /// <param name="cancellationToken">Gives up waiting for room.</param>
    public ValueTask SendAsync(in Message message, CancellationToken cancellationToken)
    {
        var size = message.Length + MessageSend.HeaderEstimate;

        // Two senders at once on two processors only take the gate from each other: who finds another inside lets others go on, once its message has its place.
        var isCrowded = _isTaking;
        switch (TryPut(message, size, out var error))
        {
            case PutResult.Put:
                break;
            case PutResult.PutAndRun:
                _consumer.Run();
                break;
            case PutResult.Failed:
                return ValueTask.FromException(error!);
            default:
                return SendAsync(new MessageSend(message), cancellationToken);
        }

        return isCrowded || _atOnce >= BytesPerTurn ? TakeTurn() : ValueTask.CompletedTask;
    }

    /// <summary>Sends several messages that stay together.</summary>
    /// <param name="batch">One or more messages of allowed sizes.</param>
    /// <param name="cancellationToken">Gives up waiting for room, before the first is taken.</param>
    public ValueTask SendAsync(ReadOnlyMemory<Message> batch, CancellationToken cancellationToken)
    {
        var size = 0L;
        foreach (ref readonly var message in batch.Span)
        {
            size += message.Length;
        }

        return SendAsync(new BatchSend(batch, size), cancellationToken);
    }

    /// <summary>Serializes a value in place and sends it.</summary>
    /// <typeparam name="T">The value's type.</typeparam>
    /// <param name="value">The value.</param>
    /// <param name="serializer">Writes it, under the gate; what it wrote is taken back when it throws.</param>
    /// <param name="cancellationToken">Gives up waiting for room.</param>
    public ValueTask SendAsync<T>(T value, IMessageSerializer<T> serializer, CancellationToken cancellationToken)
        => SendAsync(new SerializedSend<T>(value, serializer), cancellationToken);

    /// <summary>Sends a frame of the codec's own.</summary>
    /// <param name="frame">Writes itself when there is room.</param>
    /// <param name="cancellationToken">Gives up waiting for room.</param>
    public ValueTask SendAsync(ICodecFrame frame, CancellationToken cancellationToken)
        => SendAsync(new CodecFrameSend(frame), cancellationToken);

    /// <summary>Refuses new sends; what was accepted is still written.</summary>
    /// <param name="refusal">What new senders get.</param>
    /// <param name="alsoWaiting">Senders that wait for room get it too. Otherwise they are served.</param>
    public void Refuse(Exception refusal, bool alsoWaiting)
    {
        ArgumentNullException.ThrowIfNull(refusal);
        PooledWaiter? waiters = null;
        lock (_gate)
        {
            _refusal = refusal;
            _isOpen = false;
            if (alsoWaiting)
            {
                waiters = _waiters.TakeAll(refusal);
            }
        }

        WaiterList.CompleteAll(waiters);
    }

    /// <summary>Adds the protocol's goodbye behind what was accepted, once. After <see cref="Refuse"/>.</summary>
    /// <param name="info">How the channel ends.</param>
    /// <param name="peerClose">How the peer has closed, where it came first.</param>
    /// <returns><see langword="false"/> when the protocol has none, or the queue has failed.</returns>
    public bool TryClose(ChannelCloseInfo info, ChannelCloseInfo? peerClose)
    {
        bool run;
        lock (_gate)
        {
            // A serializer that ends the channel it writes to has half a frame there; nothing can follow it.
            if (_failure is not null || _serializing)
            {
                return false;
            }

            if (_closeWritten)
            {
                return true;
            }

            var start = _filling.Length;
            if (!_codec.TryWriteClose(info, peerClose, _filling))
            {
                return false;
            }

            _closeWritten = true;
            _accepted += _filling.Length - start;
            run = Added();
        }

        if (run)
        {
            _consumer.Run();
        }

        return true;
    }

    /// <summary>Fails everything waiting and to come. Memory is given back once the write in progress has left it.</summary>
    /// <param name="failure">What they get.</param>
    public void Fail(Exception failure)
    {
        ArgumentNullException.ThrowIfNull(failure);
        PooledWaiter? waiters;
        PooledWaiter? flushes;
        lock (_gate)
        {
            if (_failure is not null)
            {
                return;
            }

            _failure = failure;
            _isOpen = false;
            waiters = _waiters.TakeAll(failure);
            flushes = _flushes.TakeAll(failure);
            _consumer.OnFailed();
        }

        WaiterList.CompleteAll(waiters);
        WaiterList.CompleteAll(flushes);
    }

    /// <summary>Bytes have been handed on. Under the gate.</summary>
    /// <returns>Flushes that are done, for <see cref="WaiterList.CompleteAll"/> after the gate was left.</returns>
    internal PooledWaiter? OnWritten(int count)
    {
        AssertGate();
        _written += count;
        return _flushes.IsEmpty ? null : TakeFlushes(_written);
    }

    /// <summary>Nothing is left to write: what still waits for a flush of sends that failed or were cancelled is done. Under the gate; no continuation runs inline.</summary>
    internal void CompleteFlushes()
    {
        AssertGate();
        if (!_flushes.IsEmpty)
        {
            WaiterList.CompleteAll(TakeFlushes(long.MaxValue));
        }
    }

    internal void WriteFrame(in Message message) => _codec.Write(message, _filling);

    internal void WriteFrames(ReadOnlySpan<Message> batch) => _codec.Write(batch, _filling);

    internal void WriteCodecFrame(ICodecFrame frame) => frame.WriteTo(_filling);

    private static InvalidOperationException UsedBySerializer()
        => new("A serializer must not use the channel it writes to. Serialize first, and send or flush when SendAsync has returned.");

    [Conditional("DEBUG")]
    private void AssertGate() => Debug.Assert(_gate.IsHeldByCurrentThread, "Called under the gate.");

    private Exception? GetSendError()
    {
        AssertGate();

        // The gate is re-entrant, so only the serializer's own thread finds it serializing.
        return _serializing ? UsedBySerializer() : _failure ?? _refusal;
    }

    // The usual way of a message, written out: there is room, and nothing stands against it.
    private PutResult TryPut(in Message message, long size, out Exception? error)
    {
        error = null;
        lock (_gate)
        {
            var filling = _filling;
            var start = filling.Length;
            if (!_isOpen || _serializing || !_waiters.IsEmpty || (start != 0 && start + size > _limit))
            {
                return PutResult.Later;
            }

            _isTaking = true;
            try
            {
                _codec.Write(message, filling);
            }
            catch (Exception e)
            {
                TakeBack(start);
                error = e;
                return PutResult.Failed;
            }
            finally
            {
                _isTaking = false;
            }

            _accepted += filling.Length - start;
            _atOnce += size;
            return Added() ? PutResult.PutAndRun : PutResult.Put;
        }
    }

    private ValueTask SendAsync<TSend>(in TSend send, CancellationToken cancellationToken)
        where TSend : struct, IFrameSend
    {
        var size = send.Size;
        var isCrowded = _isTaking;
        while (true)
        {
            var sent = false;
            lock (_gate)
            {
                if ((!_isOpen || _serializing) && GetSendError() is { } error)
                {
                    return ValueTask.FromException(error);
                }

                if (HasRoom(size))
                {
                    var start = _filling.Length;
                    _isTaking = true;
                    try
                    {
                        send.WriteTo(this);
                    }
                    catch (Exception e)
                    {
                        TakeBack(start);
                        return ValueTask.FromException(e);
                    }
                    finally
                    {
                        _isTaking = false;
                    }

                    sent = true;
                    _accepted += _filling.Length - start;
                    _atOnce += size;
                    if (!Added())
                    {
                        break;
                    }
                }
                else if (!_waiters.IsEmpty || !_consumer.TryTakeOver())
                {
                    return Enqueue(send.CreateWaiter(this), cancellationToken);
                }
            }

            _consumer.Run();
            if (sent)
            {
                break;
            }
        }

        return isCrowded || _atOnce >= BytesPerTurn ? TakeTurn() : ValueTask.CompletedTask;
    }

    // Read without the gate: a turn too many or too few does not matter.
    private ValueTask TakeTurn()
    {
        _atOnce = 0;
        return Loop?.TakeTurn() ?? ValueTask.CompletedTask;
    }

    // A failed queue has given its memory back, whatever length it had.
    private void TakeBack(int length) => _filling.Length = Math.Min(length, _filling.Length);

    private bool Added() => IsConsumerIdle && _consumer.OnAdded();
}
