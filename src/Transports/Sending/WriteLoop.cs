using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace Transports.Engine;

/// <summary>Takes what a <see cref="SendQueue"/> has gathered and writes it, one write at a time.</summary>
/// <remarks>
/// <para><b>States</b>, under the queue's gate:</para>
/// <code>
/// Idle    --added, may write inline-->  Running   the sender writes one buffer itself
/// Idle    --added-->                    Queued    a thread of the pool is asked
/// Queued  --a thread comes; a receiver is about to wait; a flush; a sender without room--> Running
/// Running --one buffer written by a caller, more is there--> Queued
/// Running --nothing is left, or failed--> Idle   memory goes back
/// </code>
/// <para><b>Flush rule</b>, the one that measured best: the first send since the last read, or since the loop's last turn,
/// is written by the sender itself, so that a lone message costs no thread hop; sends after it ask for a thread,
/// so that a burst becomes few writes. No timer: a lone message never waits.</para>
/// <para><b>Pieces</b>: a large buffer is handed on in pieces, small ones while the peer is slow, so that progress shows (see <see cref="PendingSince"/>); whole where the sink takes frames apart.
/// What the protocol has to say goes between two buffers, which is between two frames.</para>
/// </remarks>
internal sealed partial class WriteLoop
{
    // A peer that takes this much in a send timeout is alive. Up to twice the slow piece is one write: a message of 64 KiB and its header stay together.
    private const int MaxPiece = 256 * 1024;
    private const int SlowPiece = 64 * 1024;

    // How often a thread that was asked for, and came late before, lets others go on.
    private const int MaxTurns = 4;

    private readonly SendQueue _queue;
    private readonly IFrameSink _sink;
    private readonly bool _needsWholeFrames;
    private readonly Action _onWritten;
    private OutputBuffer _writing;
    private OutputBuffer? _controls;
    private State _state;
    private bool _inlineAllowed = true;
    private bool _isAsked;
    private bool _isLate;
    private TaskCompletionSource? _idle;

    // Of whoever moved the state to Running, until it is another.
    private ConfiguredValueTaskAwaitable.ConfiguredValueTaskAwaiter _writeAwaiter;
    private bool _isControl;
    private bool _hasPing;
    private bool _isSlow;
    private int _offset;
    private int _piece;
    private long _pendingSince;
    private long _pingsLeft;

    public WriteLoop(SendQueue queue, IFrameSink sink)
    {
        _queue = queue;
        _sink = sink;
        _needsWholeFrames = sink.NeedsWholeFrames;
        _writing = new OutputBuffer(queue.Pool);
        _onWritten = OnWritten;
    }

    private enum State
    {
        /// <summary>Nothing to write.</summary>
        Idle,

        /// <summary>Waits for a thread; whoever comes first may run it.</summary>
        Queued,

        /// <summary>Somebody is writing, and will look for more when done.</summary>
        Running,
    }

    /// <summary>Since when the transport has taken nothing of a write, as <see cref="ChannelClock"/> has it; 0 while no write waits.</summary>
    public long PendingSince => Volatile.Read(ref _pendingSince);

    /// <summary>How many pings have left.</summary>
    public long PingsLeft => Volatile.Read(ref _pingsLeft);

    public void FlushBeforeWaiting()
    {
        // Read without the gate: what a thread has just sent itself it sees, and of others' sends their own thread takes care.
        if (_state != State.Queued)
        {
            return;
        }

        lock (_queue.Gate)
        {
            if (_state != State.Queued || _queue.IsSerializing)
            {
                // Never from inside a serializer: its unfinished frame would be written.
                return;
            }

            _state = State.Running;
            _isLate = true;
        }

        Run(onCallersThread: true);
    }

    public void NoteRead() => _inlineAllowed = true;

    /// <summary>After sends of <see cref="SendQueue.BytesPerTurn"/> that all completed at once: others get a turn on this thread, where somebody waits for one.</summary>
    public ValueTask TakeTurn()
        => ThreadPool.PendingWorkItemCount <= (_isAsked ? 1 : 0) ? ValueTask.CompletedTask : TurnWaiter.WaitAsync();

    public Task WhenIdleAsync()
    {
        lock (_queue.Gate)
        {
            if (_state != State.Running)
            {
                return Task.CompletedTask;
            }

            _idle ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return _idle.Task;
        }
    }

    private void Run(bool onCallersThread)
    {
        try
        {
            while (TryTake(out var bytes))
            {
                var writing = _sink.WriteAsync(bytes).ConfigureAwait(false).GetAwaiter();
                if (!writing.IsCompleted)
                {
                    _isSlow = true;
                    _writeAwaiter = writing;
                    Volatile.Write(ref _pendingSince, Math.Max(1, ChannelClock.Now(_queue.Time)));
                    writing.UnsafeOnCompleted(_onWritten);
                    return;
                }

                writing.GetResult();
                _isSlow = false;
                CompleteWrite();
                if (onCallersThread && TryHandOver())
                {
                    // A caller writes one buffer, not everybody's.
                    return;
                }
            }
        }
        catch (Exception e)
        {
            Fail(e);
        }
    }

    private void OnWritten()
    {
        try
        {
            Volatile.Write(ref _pendingSince, 0);
            var writing = _writeAwaiter;
            _writeAwaiter = default;
            writing.GetResult();
            CompleteWrite();
        }
        catch (Exception e)
        {
            Fail(e);
            return;
        }

        Run(onCallersThread: false);
    }

    private void Fail(Exception error)
    {
        _queue.Fail(_sink.OnWriteFailed(error));
        lock (_queue.Gate)
        {
            BecomeIdle();
        }
    }

    // An idle queue holds no memory.
    private void BecomeIdle()
    {
        AssertGate();
        if (!_queue.IsFailed)
        {
            // All was written, so no flush is left waiting.
            _queue.CompleteFlushes();
        }

        _queue.Filling.Release();
        _writing.Release();
        _controls?.Release();
        _offset = 0;
        _state = State.Idle;
        _queue.IsConsumerIdle = true;
        _idle?.TrySetResult();
    }

    private bool TryTake(out ReadOnlyMemory<byte> bytes)
    {
        if (_offset == 0 && !TryTakeBuffer())
        {
            bytes = default;
            return false;
        }

        var left = (_isControl ? _controls! : _writing).WrittenMemory[_offset..];
        var max = _isSlow ? SlowPiece : MaxPiece;
        bytes = _needsWholeFrames || left.Length <= Math.Max(max, 2 * SlowPiece) ? left : left[..max];
        _piece = bytes.Length;
        return true;
    }

    private bool TryTakeBuffer()
    {
        while (true)
        {
            PooledWaiter? admitted;
            lock (_queue.Gate)
            {
                if (_queue.IsFailed)
                {
                    BecomeIdle();
                    return false;
                }

                _isControl = _queue.TryTakeControls(ref _controls, out _hasPing);
                if (_isControl)
                {
                    return true;
                }

                if (!_queue.HasPending)
                {
                    BecomeIdle();
                    _inlineAllowed = true;
                    return false;
                }

                admitted = _queue.Swap(ref _writing);
            }

            WaiterList.CompleteAll(admitted);
            if (_writing.Length > 0)
            {
                return true;
            }
        }
    }

    private void CompleteWrite()
    {
        var buffer = _isControl ? _controls! : _writing;
        _offset += _piece;
        var isWhole = _offset == buffer.Length;
        if (isWhole)
        {
            _offset = 0;
        }

        if (_isControl)
        {
            buffer.Length = isWhole ? 0 : buffer.Length;
            if (isWhole && _hasPing)
            {
                Volatile.Write(ref _pingsLeft, _pingsLeft + 1);
            }

            return;
        }

        PooledWaiter? done;
        lock (_queue.Gate)
        {
            if (isWhole)
            {
                buffer.Length = 0;
            }

            done = _queue.OnWritten(_piece);
        }

        WaiterList.CompleteAll(done);
    }

    private bool TryHandOver()
    {
        if (_offset > 0)
        {
            return false;
        }

        lock (_queue.Gate)
        {
            if (_queue.IsFailed)
            {
                // Taking the next buffer cleans up.
                return false;
            }

            if (!_queue.HasPending)
            {
                BecomeIdle();
                return true;
            }

            _state = State.Queued;
            Ask();
        }

        return true;
    }

    [Conditional("DEBUG")]
    private void AssertGate() => Debug.Assert(_queue.Gate.IsHeldByCurrentThread, "Called under the gate.");
}
