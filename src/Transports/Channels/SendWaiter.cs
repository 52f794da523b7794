using System.Threading.Tasks.Sources;

namespace Transports;

/// <summary>A sender waiting for room, first in, first out; reused by its channel.</summary>
/// <remarks>Its state is guarded by the sender's gate: whoever takes it out of the queue completes it.</remarks>
internal abstract class SendWaiter : IValueTaskSource
{
    private static readonly Action<object?, CancellationToken> OnCancelled =
        static (state, token) => ((SendWaiter)state!).Cancel(token);

    // The flusher completes waiters between two writes; a sender's code must not run there and delay the second.
    private ManualResetValueTaskSourceCore<bool> _core = new() { RunContinuationsAsynchronously = true };
    private CancellationTokenRegistration _registration;
    private ISendQueue? _sender;

    public SendWaiter? Next { get; set; }

    public SendWaiter? Previous { get; set; }

    public bool IsQueued { get; set; }

    /// <summary>The failure to report when it was taken out of the queue; <see langword="null"/> for success.</summary>
    public Exception? Failure { get; set; }

    /// <summary>About how many bytes it will add.</summary>
    public abstract long Size { get; }

    /// <summary>Writes its frames. Called under the gate.</summary>
    public abstract void WriteTo(ISendQueue sender);

    public ValueTask Begin(ISendQueue sender)
    {
        _sender = sender;
        return new ValueTask(this, _core.Version);
    }

    /// <summary>Called after the gate was left, as the callback may run at once.</summary>
    public void ListenTo(CancellationToken cancellationToken)
    {
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
            var sender = _sender!;
            _core.Reset();
            Failure = null;
            Clear();
            Recycle(sender);
        }
    }

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _core.GetStatus(token);

    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags)
        => _core.OnCompleted(continuation, state, token, flags);

    /// <summary>Forgets what was to be sent.</summary>
    protected abstract void Clear();

    /// <summary>Gives the waiter back for reuse.</summary>
    protected virtual void Recycle(ISendQueue sender)
    {
    }

    private void Cancel(CancellationToken token)
    {
        if (_sender!.TryRemove(this))
        {
            _core.SetException(new OperationCanceledException(token));
        }
    }
}
