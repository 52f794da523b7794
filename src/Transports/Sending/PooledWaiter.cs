using System.Diagnostics;
using System.Threading.Tasks.Sources;

namespace Transports.Engine;

/// <summary>A caller waiting in one of a send queue's lists; reused by its queue.</summary>
/// <remarks>
/// Its place in a list is guarded by the queue's gate: whoever takes it out completes it, once, outside the gate. A sender's code never
/// runs there: the write loop completes waiters between two writes.
/// </remarks>
/// <param name="continuesInline">Who completes it runs nobody else's code: a thread of the pool that came for this alone.</param>
internal abstract class PooledWaiter(bool continuesInline = false) : IValueTaskSource
{
    private static readonly Action<object?, CancellationToken> OnCancelled =
        static (state, token) => ((PooledWaiter)state!).Cancel(token);

    private ManualResetValueTaskSourceCore<bool> _core = new() { RunContinuationsAsynchronously = !continuesInline };
    private CancellationTokenRegistration _registration;
    private SendQueue? _queue;

    public PooledWaiter? Next { get; set; }

    public PooledWaiter? Previous { get; set; }

    public bool IsQueued { get; set; }

    /// <summary>The failure to report when it was taken out of its list; <see langword="null"/> for success.</summary>
    public Exception? Failure { get; set; }

    protected SendQueue Queue => _queue!;

    public ValueTask Begin(SendQueue queue)
    {
        _queue = queue;
        return Begin();
    }

    /// <summary>Under the gate, which a callback that runs at once enters again: the gate is re-entrant, and the waiter is queued.</summary>
    public void ListenTo(CancellationToken cancellationToken)
    {
        Debug.Assert(IsQueued, "A callback that runs at once must find the waiter in its list.");
        if (cancellationToken.CanBeCanceled)
        {
            _registration = cancellationToken.UnsafeRegister(OnCancelled, this);
        }
    }

    public void Complete()
    {
        if (Failure is { } failure)
        {
            _core.SetException(failure);
        }
        else
        {
            _core.SetResult(true);
        }
    }

    void IValueTaskSource.GetResult(short token)
    {
        // A second await, or one too early, must not recycle what another caller waits on. GetStatus throws for a stale token.
        if (_core.GetStatus(token) == ValueTaskSourceStatus.Pending)
        {
            throw new InvalidOperationException("The call has not completed yet: await it.");
        }

        _registration.Dispose();
        _registration = default;
        try
        {
            _core.GetResult(token);
        }
        finally
        {
            _core.Reset();
            Failure = null;
            Recycle();
        }
    }

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _core.GetStatus(token);

    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags)
        => _core.OnCompleted(continuation, state, token, flags);

    /// <summary>Begins a wait that is in no list.</summary>
    protected ValueTask Begin() => new(this, _core.Version);

    /// <summary>Forgets what it was given, and goes back for reuse.</summary>
    protected abstract void Recycle();

    /// <summary>Takes it out of its list, unless somebody else has and completes it.</summary>
    protected abstract bool TryRemove();

    private void Cancel(CancellationToken token)
    {
        if (TryRemove())
        {
            _core.SetException(new OperationCanceledException(token));
        }
    }
}
