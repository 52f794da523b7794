using System.Threading.Tasks.Sources;

namespace Transports;

/// <summary>A caller waiting until the bytes up to a position have left; reused by its channel, guarded by the sender's gate.</summary>
internal sealed class FlushWaiter : IValueTaskSource
{
    private static readonly Action<object?, CancellationToken> OnCancelled =
        static (state, token) => ((FlushWaiter)state!).Cancel(token);

    private ManualResetValueTaskSourceCore<bool> _core = new() { RunContinuationsAsynchronously = true };
    private CancellationTokenRegistration _registration;
    private FrameSender? _sender;

    public FlushWaiter? Next { get; set; }

    /// <summary>Completes when this many bytes of the channel's whole stream have been written.</summary>
    public long Position { get; private set; }

    public Exception? Failure { get; set; }

    public ValueTask Begin(FrameSender sender, long position)
    {
        _sender = sender;
        Position = position;
        return new ValueTask(this, _core.Version);
    }

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
            _core.Reset();
            Failure = null;
            _sender!.Recycle(this);
        }
    }

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _core.GetStatus(token);

    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags)
        => _core.OnCompleted(continuation, state, token, flags);

    private void Cancel(CancellationToken token)
    {
        if (_sender!.TryRemove(this))
        {
            _core.SetException(new OperationCanceledException(token));
        }
    }
}
