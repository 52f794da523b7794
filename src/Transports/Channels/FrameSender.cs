using System.Buffers;
using System.Runtime.CompilerServices;

namespace Transports;

/// <summary>
/// The sending half of a framed channel: frames are copied once into one of two buffers under a short lock, and a single
/// flusher writes the other one.
/// </summary>
/// <remarks>
/// <para><b>Flush rule</b>, the one that measured best: the first send since the last read, or since the flusher's last turn,
/// is written by the sender itself, so that a lone message costs no thread hop; sends after it queue the flusher on the
/// thread pool, so that a burst becomes few writes. No timer: a lone message never waits.</para>
/// <para><b>Bound</b>: a sender waits while its bytes would take the filling buffer over the limit, unless that buffer is
/// empty. Waiting senders are served first in, first out, by the flusher when it has swapped the buffers.</para>
/// <para><b>Finish or poison</b>: after a failed write everybody waiting and everybody to come gets the failure.</para>
/// </remarks>
internal sealed class FrameSender : IThreadPoolWorkItem, ISendQueue
{
    // A few pongs more than the limit, so that a full buffer does not make a live channel look dead.
    private const int ControlAllowance = 1024;

    private readonly Lock _gate = new();
    private readonly IFrameSenderChannel _channel;
    private readonly FrameWriter _writer;
    private readonly int _limit;
    private readonly Action _onWritten;
    private FrameBuffer _filling;
    private FrameBuffer _writing;
    private FlusherState _flusher;
    private bool _inlineAllowed = true;
    private bool _serializing;
    private long _accepted;
    private long _written;
    private SendWaiterList _waiters;
    private FlushWaiterList _flushes;
    private MessageSendWaiter? _spareWaiter;
    private FlushWaiter? _spareFlush;
    private Exception? _failure;
    private Exception? _finished;
    private TaskCompletionSource? _quiet;
    private ConfiguredValueTaskAwaitable.ConfiguredValueTaskAwaiter _writeAwaiter;

    public FrameSender(IFrameSenderChannel channel, IMessageFraming framing, MessageChannelOptions options, int maxMessageSize)
    {
        _channel = channel;
        _writer = new FrameWriter(channel, framing as IHeaderFraming, options.BufferPool, maxMessageSize);
        _limit = options.SendBufferSize;
        _filling = new FrameBuffer(options.BufferPool);
        _writing = new FrameBuffer(options.BufferPool);
        _onWritten = OnWritten;
    }

    private enum FlusherState
    {
        /// <summary>Nothing to write.</summary>
        Idle,

        /// <summary>Waits for a thread; whoever comes first may run it.</summary>
        Queued,

        /// <summary>Somebody is writing, and will look for more when done.</summary>
        Running,
    }

    public ValueTask SendAsync(in Message message, CancellationToken cancellationToken)
        => SendAsync(new MessageSend(message), cancellationToken);

    public ValueTask SendAsync(ReadOnlyMemory<Message> batch, CancellationToken cancellationToken)
        => SendAsync(new BatchSend(batch), cancellationToken);

    public ValueTask SendAsync<T>(T value, IMessageSerializer<T> serializer, CancellationToken cancellationToken)
        => SendAsync(new SerializedSend<T>(value, serializer), cancellationToken);

    /// <summary>Completes when all that was accepted so far has been written.</summary>
    public ValueTask FlushAsync(CancellationToken cancellationToken) => FlushAsync(alsoWaiting: false, cancellationToken);

    /// <summary>Completes when the senders waiting for room have been served too, and all was written. For the end of sending: none can join them.</summary>
    public ValueTask FlushAllAsync(CancellationToken cancellationToken) => FlushAsync(alsoWaiting: true, cancellationToken);

    private ValueTask FlushAsync(bool alsoWaiting, CancellationToken cancellationToken)
    {
        FlushBeforeWaiting();
        FlushWaiter waiter;
        ValueTask waiting;
        lock (_gate)
        {
            if (_serializing)
            {
                return ValueTask.FromException(UsedBySerializer());
            }

            if (_failure is { } failure)
            {
                return ValueTask.FromException(failure);
            }

            var withWaiters = alsoWaiting && !_waiters.IsEmpty;
            if (_written == _accepted && !withWaiters)
            {
                return ValueTask.CompletedTask;
            }

            waiter = _spareFlush ?? new FlushWaiter();
            _spareFlush = null;

            // Sends still waiting for room were not accepted, so a flush does not count them; what they will add nobody knows.
            waiting = waiter.Begin(this, withWaiters ? long.MaxValue : _accepted);
            _flushes.Add(waiter);
        }

        waiter.ListenTo(cancellationToken);
        return waiting;
    }

    /// <summary>Fails the sends waiting for room; what was accepted is still written. For a close, which has refused new ones before.</summary>
    public void FailWaiting(Exception failure)
    {
        SendWaiter? waiters;
        lock (_gate)
        {
            waiters = _waiters.TakeAll(failure);
        }

        SendWaiterList.CompleteAll(waiters);
    }

    /// <summary>Writes what is queued on this thread, if nobody does so yet. For a receiver about to wait: the peer may be waiting for these bytes.</summary>
    public void FlushBeforeWaiting()
    {
        lock (_gate)
        {
            if (_flusher != FlusherState.Queued || _serializing)
            {
                // Never from inside a serializer: its unfinished frame would be written.
                return;
            }

            _flusher = FlusherState.Running;
        }

        RunFlusher(onCallersThread: true);
    }

    /// <summary>Bytes were read, so the next send is likely an answer: let it go out at once.</summary>
    public void NoteRead() => Volatile.Write(ref _inlineAllowed, true);

    /// <summary>Fails everything waiting and to come. Memory is given back once the flusher has left it.</summary>
    public void Fail(Exception failure)
    {
        SendWaiter? waiters;
        FlushWaiter? flushes;
        lock (_gate)
        {
            if (_failure is not null)
            {
                return;
            }

            _failure = failure;
            waiters = _waiters.TakeAll(failure);
            flushes = _flushes.TakeAll(failure);
            if (_flusher != FlusherState.Running && !_serializing)
            {
                BecomeIdle();
            }
        }

        SendWaiterList.CompleteAll(waiters);
        FlushWaiterList.CompleteAll(flushes);
    }

    /// <summary>
    /// Writes bytes of the protocol's own, such as a pong, behind what was accepted. They may go a little over the limit; a peer that
    /// asks for more of them than it reads gets <see langword="false"/>.
    /// </summary>
    public bool TryWriteControl<TState>(TState state, Action<TState, IBufferWriter<byte>> write)
    {
        bool runInline;
        lock (_gate)
        {
            if (_failure is not null || _finished is not null || _serializing || _filling.Length > _limit + ControlAllowance)
            {
                return false;
            }

            WriteBytes(state, write);
            runInline = ScheduleFlush();
        }

        if (runInline)
        {
            RunFlusher(onCallersThread: true);
        }

        return true;
    }

    /// <summary>Adds the channel's last bytes behind what was accepted. Whoever still waits for room, or comes later, is refused. Once.</summary>
    public void Finish<TState>(Exception refusal, TState state, Action<TState, IBufferWriter<byte>> writeLast)
    {
        SendWaiter? waiters;
        bool runInline;
        lock (_gate)
        {
            if (_failure is not null || _finished is not null)
            {
                return;
            }

            _finished = refusal;
            waiters = _waiters.TakeAll(refusal);
            runInline = false;
            if (!_serializing)
            {
                // A serializer that ends the channel it writes to has half a frame there; nothing can follow it.
                WriteBytes(state, writeLast);
                runInline = ScheduleFlush();
            }
        }

        SendWaiterList.CompleteAll(waiters);
        if (runInline)
        {
            RunFlusher(onCallersThread: true);
        }
    }

    /// <summary>Completes when no write is in progress. After <see cref="Fail"/>, so none will begin.</summary>
    public Task WhenQuietAsync()
    {
        lock (_gate)
        {
            if (_flusher != FlusherState.Running)
            {
                return Task.CompletedTask;
            }

            _quiet ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return _quiet.Task;
        }
    }

    void IThreadPoolWorkItem.Execute()
    {
        lock (_gate)
        {
            if (_flusher != FlusherState.Queued)
            {
                // A receiver about to wait, or a flush, ran it already.
                return;
            }

            _flusher = FlusherState.Running;
        }

        RunFlusher(onCallersThread: false);
    }

    /// <summary>Writes one frame into the filling buffer, whole or not at all. Called under the gate.</summary>
    public void WriteFrame(in Message message) => _accepted += _writer.Write(message, _filling);

    /// <summary>Writes all frames of a batch, or none. Called under the gate.</summary>
    public void WriteFrames(ReadOnlySpan<Message> batch) => _accepted += _writer.Write(batch, _filling);

    /// <summary>Serializes a value and frames it in place, or takes everything back. Called under the gate.</summary>
    public void WriteSerialized<T>(T value, IMessageSerializer<T> serializer)
    {
        var buffer = _filling;
        var start = buffer.Length;
        _serializing = true;
        try
        {
            var added = _writer.Write(value, serializer, buffer);
            if (_failure is { } failure)
            {
                buffer.Length = start;
                throw failure;
            }

            _accepted += added;
        }
        finally
        {
            _serializing = false;
            if (_failure is not null && _flusher != FlusherState.Running)
            {
                // The serializer aborted the channel it wrote to; only now is the memory nobody's.
                BecomeIdle();
            }
        }
    }

    public bool TryRemove(SendWaiter waiter)
    {
        lock (_gate)
        {
            if (!waiter.IsQueued)
            {
                return false;
            }

            _waiters.Remove(waiter);
            return true;
        }
    }

    public bool TryRemove(FlushWaiter waiter)
    {
        lock (_gate)
        {
            return _flushes.Remove(waiter);
        }
    }

    public MessageSendWaiter RentWaiter() => Interlocked.Exchange(ref _spareWaiter, null) ?? new MessageSendWaiter();

    // One spare each is enough for the usual lone sender; more at once allocate.
    public void Recycle(MessageSendWaiter waiter) => Volatile.Write(ref _spareWaiter, waiter);

    public void Recycle(FlushWaiter waiter)
    {
        waiter.Next = null;
        Volatile.Write(ref _spareFlush, waiter);
    }

    // Under the gate.
    private void WriteBytes<TState>(TState state, Action<TState, IBufferWriter<byte>> write)
    {
        var start = _filling.Length;
        write(state, _filling);
        _accepted += _filling.Length - start;
    }

    private Exception? Refusal()
    {
        if (_serializing)
        {
            // The gate is re-entrant, so only the serializer's own thread gets here.
            return UsedBySerializer();
        }

        return _failure ?? _finished ?? _channel.SendRefusal();
    }

    private static InvalidOperationException UsedBySerializer()
        => new("A serializer must not use the channel it writes to. Serialize first, and send or flush when SendAsync has returned.");

    private bool HasRoom(long size)
        => _waiters.IsEmpty && (_filling.Length == 0 || _filling.Length + size <= _limit);

    private ValueTask SendAsync<TSend>(in TSend send, CancellationToken cancellationToken)
        where TSend : struct, IFrameSend
    {
        var size = send.Size;
        while (true)
        {
            var sent = false;
            lock (_gate)
            {
                if (Refusal() is { } refusal)
                {
                    return ValueTask.FromException(refusal);
                }

                if (HasRoom(size))
                {
                    try
                    {
                        send.WriteTo(this);
                    }
                    catch (Exception e)
                    {
                        return ValueTask.FromException(e);
                    }

                    sent = true;
                    if (!ScheduleFlush())
                    {
                        return ValueTask.CompletedTask;
                    }
                }
                else if (_flusher == FlusherState.Queued && _waiters.IsEmpty)
                {
                    // The buffer is full and no thread has come for it yet: writing it here is cheaper than waiting for one.
                    _flusher = FlusherState.Running;
                }
                else
                {
                    return Enqueue(send.CreateWaiter(this), cancellationToken);
                }
            }

            RunFlusher(onCallersThread: true);
            if (sent)
            {
                return ValueTask.CompletedTask;
            }
        }
    }

    private ValueTask Enqueue(SendWaiter waiter, CancellationToken cancellationToken)
    {
        var waiting = waiter.Begin(this);
        _waiters.Add(waiter);

        // Under the gate, which a callback that runs at once enters again: the gate is re-entrant, and the waiter is queued.
        waiter.ListenTo(cancellationToken);
        return waiting;
    }

    // Returns true when the caller shall write now, after leaving the gate.
    private bool ScheduleFlush()
    {
        if (_flusher != FlusherState.Idle)
        {
            return false;
        }

        if (_inlineAllowed && !_channel.HasBufferedInput)
        {
            _inlineAllowed = false;
            _flusher = FlusherState.Running;
            return true;
        }

        _flusher = FlusherState.Queued;
        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        return false;
    }

    // Owned by whoever moved the flusher to Running, until Idle or Queued again; so _writeAwaiter has one user.
    private void RunFlusher(bool onCallersThread)
    {
        try
        {
            while (Swap())
            {
                var writing = _channel.WriteAsync(_writing.WrittenMemory).ConfigureAwait(false).GetAwaiter();
                if (!writing.IsCompleted)
                {
                    _writeAwaiter = writing;
                    writing.UnsafeOnCompleted(_onWritten);
                    return;
                }

                writing.GetResult();
                CompleteWrite();
                if (onCallersThread && HandOver())
                {
                    // A caller writes one buffer, not everybody's.
                    return;
                }
            }
        }
        catch (Exception e)
        {
            WriteFailed(e);
        }
    }

    private void OnWritten()
    {
        try
        {
            var writing = _writeAwaiter;
            _writeAwaiter = default;
            writing.GetResult();
            CompleteWrite();
        }
        catch (Exception e)
        {
            WriteFailed(e);
            return;
        }

        RunFlusher(onCallersThread: false);
    }

    private void WriteFailed(Exception error)
    {
        // Fails this sender too, through the channel's end; unless the channel had ended already, in a way that left it be.
        _channel.OnWriteFailed(error);
        Fail(_channel.SendRefusal() ?? error);
        lock (_gate)
        {
            BecomeIdle();
        }
    }

    // Under the gate. An idle channel holds no memory.
    private void BecomeIdle()
    {
        if (_failure is null)
        {
            // All was written, so no flush is left waiting. Their continuations never run here.
            FlushWaiterList.CompleteAll(_flushes.TakeUpTo(long.MaxValue));
        }

        _filling.Release();
        _writing.Release();
        _flusher = FlusherState.Idle;
        _quiet?.TrySetResult();
    }

    private bool Swap()
    {
        SendWaiter? admitted;
        bool more;
        lock (_gate)
        {
            if (_failure is not null)
            {
                BecomeIdle();
                return false;
            }

            if (_filling.Length == 0 && _waiters.IsEmpty)
            {
                BecomeIdle();
                _inlineAllowed = true;
                return false;
            }

            if (_filling.Length > 0)
            {
                (_filling, _writing) = (_writing, _filling);
            }

            admitted = _waiters.Admit(this, _filling, _limit);
            more = _writing.Length > 0;
        }

        SendWaiterList.CompleteAll(admitted);
        return more || Swap();
    }

    private void CompleteWrite()
    {
        FlushWaiter? done;
        lock (_gate)
        {
            _written += _writing.Length;
            _writing.Length = 0;
            done = _flushes.TakeUpTo(_written);
        }

        FlushWaiterList.CompleteAll(done);
    }

    private bool HandOver()
    {
        lock (_gate)
        {
            if (_failure is not null)
            {
                // Swap cleans up.
                return false;
            }

            if (_filling.Length == 0 && _waiters.IsEmpty)
            {
                BecomeIdle();
                return true;
            }

            _flusher = FlusherState.Queued;
        }

        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        return true;
    }
}
