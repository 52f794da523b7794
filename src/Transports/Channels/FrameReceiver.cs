using System.Buffers;
using System.Runtime.CompilerServices;
using System.Threading.Tasks.Sources;

namespace Transports;

/// <summary>The receiving half of a framed channel: cuts frames out of one pooled buffer, and reads only when no whole frame is there.</summary>
/// <remarks>
/// <para>No pump and no queue between: the transport's own flow control is the backpressure. The buffer is contiguous; only a
/// frame that straddles its end is moved. It grows as bytes arrive, never on a declared length alone.</para>
/// <para>A read that has begun goes on when its receiver gives up waiting; the next receiver finds its result. The buffer is
/// not touched by anyone else while a read is pending.</para>
/// </remarks>
internal sealed class FrameReceiver : IValueTaskSource<bool>
{
    private const int SmallestBuffer = 4096;

    // From here on the bytes missing from a frame are read to the exact end of the frame, so that the next one begins at the
    // buffer's start and is never moved; below it, reading as much as there is saves more calls than it costs copies.
    private const int ExactReadThreshold = 16 * 1024;

    private readonly FramedMessageChannel _channel;
    private readonly ByteConnection _connection;
    private readonly IFrameDecoder _decoder;
    private readonly ContiguousFrameDecoder? _fastDecoder;
    private readonly ArrayPool<byte> _pool;
    private readonly Lock _readGate = new();
    private readonly ReceiveSignal _signal = new();
    private readonly Action _onRead;
    private readonly int _readSize;
    private byte[] _buffer = [];
    private int _start;
    private int _end;
    private int _nextCapacity = SmallestBuffer;
    private bool _idle = true;
    private bool _zeroByteRead;
    private volatile bool _ended;
    private bool _cut;
    private bool _drained;
    private bool _swept;
    private bool _readPending;
    private bool _releaseWhenRead;
    private TaskCompletionSource? _draining;
    private volatile bool _readDone;
    private long _waitingSince;
    private ConfiguredValueTaskAwaitable<int>.ConfiguredValueTaskAwaiter _reading;

    public FrameReceiver(FramedMessageChannel channel, ByteConnection connection, IMessageFraming framing, MessageChannelOptions options, int maxMessageSize)
    {
        _channel = channel;
        _connection = connection;
        _decoder = framing.CreateDecoder(maxMessageSize);
        _fastDecoder = _decoder as ContiguousFrameDecoder;
        _pool = options.BufferPool;
        _readSize = options.ReceiveBufferSize;
        _onRead = OnRead;
    }

    public IFrameDecoder Decoder => _decoder;

    /// <summary>Bytes have arrived that no receive has returned yet. May be asked by any thread; a hint.</summary>
    public bool HasBufferedInput => Volatile.Read(ref _start) != Volatile.Read(ref _end);

    /// <summary>A read waits for bytes: the peer has said nothing that was not looked at. May be asked by any thread; a hint.</summary>
    public bool IsWaitingForBytes => Volatile.Read(ref _readPending) && !_readDone;

    /// <summary>Nothing after what was read is the peer's any more: from here on it is as if the stream had ended. For the receiving thread.</summary>
    public void EndInput()
    {
        _start = _end;
        _cut = true;
        _ended = true;
    }

    public bool TryRead(out ReadOnlySequence<byte> payload)
    {
        if (_readDone)
        {
            TakeReadResult();
        }

        if (_start == _end)
        {
            payload = default;
            return false;
        }

        if (_fastDecoder is { } decoder)
        {
            if (!decoder.TryReadFrame(_buffer.AsSpan(_start, _end - _start), out var offset, out var length, out var consumed))
            {
                payload = default;
                return false;
            }

            payload = new ReadOnlySequence<byte>(_buffer, _start + offset, length);
            _start += consumed;
            return true;
        }

        var sequence = new ReadOnlySequence<byte>(_buffer, _start, _end - _start);
        var found = _decoder.TryReadFrame(ref sequence, out payload);
        if (!_cut)
        {
            // Also when none was found: the decoder may keep the pieces of a frame itself.
            _start = _end - (int)sequence.Length;
        }

        return found;
    }

    /// <summary>Reads more bytes. Returns false at the end of the stream.</summary>
    public ValueTask<bool> ReadMoreAsync(CancellationToken cancellationToken)
    {
        if (_ended)
        {
            return new ValueTask<bool>(AtEnd());
        }

        // A caller that was cancelled may have left a read behind.
        if (!_readPending && StartRead())
        {
            return new ValueTask<bool>(!_ended || AtEnd());
        }

        // This is the task's source itself: an async method between the signal and the receiver would cost each wait its share.
        return _signal.TryBeginWait(cancellationToken, out var token) ? new ValueTask<bool>(this, token) : new ValueTask<bool>(AfterWait());
    }

    /// <summary>Ends a wait, with or without bytes.</summary>
    public void Wake() => _signal.Set();

    /// <summary>Called about once a second: a read that has waited long without a byte gives its buffer back.</summary>
    public void Sweep(long now)
    {
        if (Volatile.Read(ref _draining) is not null)
        {
            // Entered while the channel was closing.
            IdleBufferSweeper.Remove(this);
            return;
        }

        if (_readPending && !_readDone && !_zeroByteRead && !HasBufferedInput
            && now - Volatile.Read(ref _waitingSince) > IdleBufferSweeper.IdleAfterMilliseconds)
        {
            _connection.InterruptRead();
        }
    }

    /// <summary>Gives the buffer back, at once or when the pending read has left it.</summary>
    public void Release()
    {
        IdleBufferSweeper.Remove(this);
        lock (_readGate)
        {
            if (_readPending && !_readDone)
            {
                _releaseWhenRead = true;
                return;
            }

            ReturnBuffer();
        }
    }

    /// <summary>Reads and drops what the peer still sends, until its end. No receive reads any more once this has begun.</summary>
    public async Task DrainAsync()
    {
        IdleBufferSweeper.Remove(this);
        Task pending;
        lock (_readGate)
        {
            _draining = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            if (!_readPending || _readDone)
            {
                DrainBuffer();
            }

            pending = _draining.Task;
        }

        await pending.ConfigureAwait(false);
        if (_drained || (_ended && !_cut))
        {
            return;
        }

        var scratch = _pool.Rent(SmallestBuffer);
        try
        {
            while (true)
            {
                int count;
                try
                {
                    count = await _connection.ReadAsync(scratch).ConfigureAwait(false);
                }
                catch (OperationCanceledException) when (_connection.SupportsReadInterruption)
                {
                    // A sweep that was under way when the drain began meant the read before. No byte was lost.
                    continue;
                }

                if (count == 0 || _channel.OnDrained(scratch.AsSpan(0, count)))
                {
                    return;
                }
            }
        }
        finally
        {
            _pool.Return(scratch);
        }
    }

    ValueTaskSourceStatus IValueTaskSource<bool>.GetStatus(short token) => ((IValueTaskSource)_signal).GetStatus(token);

    void IValueTaskSource<bool>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags)
        => ((IValueTaskSource)_signal).OnCompleted(continuation, state, token, flags);

    bool IValueTaskSource<bool>.GetResult(short token)
    {
        ((IValueTaskSource)_signal).GetResult(token);
        return AfterWait();
    }

    private bool AfterWait()
    {
        if (_readDone)
        {
            TakeReadResult();
        }

        return !_ended || Volatile.Read(ref _draining) is not null || AtEnd();
    }

    private bool AtEnd()
    {
        _channel.OnInputEnd(_end - _start);
        _channel.OnEndOfStream();
        return false;
    }

    // Returns true when bytes came, or the end, without waiting.
    private bool StartRead()
    {
        while (true)
        {
            lock (_readGate)
            {
                if (_draining is not null)
                {
                    // The channel is closing and its receiver about to be told; see DrainAsync.
                    return true;
                }

                _readPending = true;
            }

            _zeroByteRead = _idle && _start == _end && _connection.SupportsZeroByteReads;
            if (_zeroByteRead)
            {
                ReturnBuffer();
            }
            else
            {
                MakeRoom();
            }

            var reading = Read().ConfigureAwait(false).GetAwaiter();
            _reading = reading;
            if (!reading.IsCompleted)
            {
                Volatile.Write(ref _waitingSince, Environment.TickCount64);
                if (!_swept && !_zeroByteRead && _connection.SupportsReadInterruption)
                {
                    _swept = true;
                    IdleBufferSweeper.Add(this);
                }

                reading.UnsafeOnCompleted(_onRead);
                return false;
            }

            var held = _end;
            TakeReadResult(atOnce: true);
            if (_ended || _end != held)
            {
                return true;
            }
        }
    }

    private ValueTask<int> Read()
    {
        try
        {
            return _connection.ReadAsync(_zeroByteRead ? Memory<byte>.Empty : Room());
        }
        catch (Exception e)
        {
            // A connection aborted a moment ago may throw before it returns, as a disposed socket does: a failed read like any
            // other. It must not stay "pending", or the buffer would wait for its end for ever.
            return ValueTask.FromException<int>(e);
        }
    }

    private void TakeReadResult(bool atOnce = false)
    {
        lock (_readGate)
        {
            if (_draining is not null)
            {
                // What was read is the drain's; see DrainAsync.
                if (atOnce)
                {
                    DrainBuffer();
                }

                return;
            }

            _readDone = false;
            _readPending = false;
            int count;
            try
            {
                count = _reading.GetResult();
            }
            catch (OperationCanceledException) when (_connection.SupportsReadInterruption)
            {
                // Idle for long: wait on without a buffer.
                _idle = true;
                return;
            }
            catch (Exception e)
            {
                throw new MessageChannelClosedException(_connection.DescribeFailure(e));
            }
            finally
            {
                _reading = default;
            }

            if (_zeroByteRead)
            {
                // Something is there to be read; the next read fetches it, with a buffer.
                _idle = false;
                return;
            }

            if (count == 0)
            {
                _ended = true;
                return;
            }

            if (count == _buffer.Length - _end && _nextCapacity < _readSize)
            {
                // The read filled its room: there is more to come than was planned for.
                _nextCapacity = Math.Min(_nextCapacity * 2, _readSize);
            }

            _end += count;
        }
    }

    // Under the read gate, with no read in progress. What has arrived and was not returned may hold the peer's last word. A receive
    // may still be cutting frames out of the buffer, so nothing of its is changed; whatever frame it stands at, one begins there.
    private void DrainBuffer()
    {
        var count = 0;
        if (_readPending)
        {
            _readPending = false;
            _readDone = false;
            try
            {
                count = _reading.GetResult();
                _ended |= count == 0 && !_zeroByteRead;
            }
            catch (OperationCanceledException) when (_connection.SupportsReadInterruption)
            {
                // No byte was lost; the drain reads on.
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                _ended = true;
            }
            finally
            {
                _reading = default;
            }
        }

        // A channel whose input was cut is asked with no bytes: its peer may have said its last word already.
        var start = _start;
        _drained = (!_ended || _cut) && _channel.OnDrained(_buffer.AsSpan(start, Math.Max(0, _end + count - start)));
        _draining!.TrySetResult();
    }

    private void OnRead()
    {
        _idle = Environment.TickCount64 - _waitingSince > IdleBufferSweeper.IdleAfterMilliseconds;
        lock (_readGate)
        {
            _readDone = true;
            if (_draining is not null)
            {
                DrainBuffer();
            }

            if (_releaseWhenRead)
            {
                ReturnBuffer();
            }
        }

        _signal.Set();
    }

    private Memory<byte> Room()
    {
        var room = _buffer.AsMemory(_end);
        var needed = _start == _end ? 0 : _decoder.BytesNeeded;
        return needed >= ExactReadThreshold && needed < room.Length ? room[..needed] : room;
    }

    private void MakeRoom()
    {
        var pending = _end - _start;
        if (pending == 0)
        {
            _start = _end = 0;
            if (_buffer.Length < _nextCapacity)
            {
                ReturnBuffer();
                _buffer = _pool.Rent(_nextCapacity);
            }

            return;
        }

        // What is missing is unknown to a framing that looks for a delimiter: as much again as there is.
        var missing = _decoder.BytesNeeded;
        var needed = (long)pending + (missing > 0 ? missing : pending);

        // Never more than double what has arrived: a length that is only declared buys no memory.
        var capacity = (int)Math.Min(Math.Max(needed, _nextCapacity), Math.Max(_nextCapacity, 2L * pending));
        if (_buffer.Length - _start >= capacity)
        {
            return;
        }

        var target = _buffer.Length >= capacity ? _buffer : _pool.Rent(capacity);
        _buffer.AsSpan(_start, pending).CopyTo(target);
        if (!ReferenceEquals(target, _buffer))
        {
            _pool.Return(_buffer);
            _buffer = target;
        }

        _start = 0;
        _end = pending;
    }

    private void ReturnBuffer()
    {
        var buffer = _buffer;
        _buffer = [];
        _start = _end = 0;
        if (buffer.Length > 0)
        {
            _pool.Return(buffer);
        }
    }
}
