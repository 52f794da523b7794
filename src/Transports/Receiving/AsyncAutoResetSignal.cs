using System.Threading.Tasks.Sources;

namespace Transports.Extensibility;

/// <summary>
/// Lets one receiver wait for "something has arrived" without allocating, and stop waiting without touching the I/O.
/// </summary>
/// <remarks>
/// An auto-reset event: <see cref="Set"/> before <see cref="WaitAsync"/> is remembered, once. One waiter at a time. By default the
/// continuation runs inside <see cref="Set"/>, which saves a thread hop on every message; so call it last, and without a lock.
/// </remarks>
/// <param name="runContinuationsAsynchronously"><see langword="true"/> where <see cref="Set"/> is called on somebody's thread who must not run the receiver's code, such as a sender's.</param>
public sealed class AsyncAutoResetSignal(bool runContinuationsAsynchronously = false) : IValueTaskSource, IValueTaskSource<bool>
{
    private const int Idle = 0;
    private const int Waiting = 1;
    private const int Signalled = 2;

    private static readonly Action<object?, CancellationToken> OnCancelled =
        static (state, token) => ((AsyncAutoResetSignal)state!).Cancel(token);

    private ManualResetValueTaskSourceCore<bool> _core;
    private CancellationTokenRegistration _registration;
    private Queued? _queued;
    private int _state;
    private volatile bool _alwaysAsynchronously = runContinuationsAsynchronously;

    /// <summary>From here on the waiter's code never runs inside <see cref="Set"/>: for an end by somebody's call, which must not run it.</summary>
    public void RunContinuationsAsynchronously() => _alwaysAsynchronously = true;

    /// <summary>Waits until <see cref="Set"/>.</summary>
    /// <param name="cancellationToken">Gives up waiting; the signal itself is not consumed.</param>
    /// <exception cref="InvalidOperationException">Somebody waits already.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public ValueTask WaitAsync(CancellationToken cancellationToken)
    {
        try
        {
            return TryBeginWait(cancellationToken, out var token) ? new ValueTask(this, token) : ValueTask.CompletedTask;
        }
        catch (OperationCanceledException)
        {
            return ValueTask.FromCanceled(cancellationToken);
        }
    }

    /// <summary>Waits until <see cref="Set"/>, for <see cref="MessageChannelBase.WaitToReceiveCoreAsync"/>: an async method between the signal and the receiver would cost each wait its share.</summary>
    /// <param name="cancellationToken">Gives up waiting; the signal itself is not consumed.</param>
    /// <returns>Always <see langword="true"/>.</returns>
    /// <exception cref="InvalidOperationException">Somebody waits already.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public ValueTask<bool> WaitToReceiveAsync(CancellationToken cancellationToken)
    {
        try
        {
            return TryBeginWait(cancellationToken, out var token) ? new ValueTask<bool>(this, token) : new ValueTask<bool>(true);
        }
        catch (OperationCanceledException)
        {
            return ValueTask.FromCanceled<bool>(cancellationToken);
        }
    }

    /// <summary>Begins to wait as this source, for somebody who completes a value of their own with it.</summary>
    /// <param name="cancellationToken">As in <see cref="WaitAsync"/>.</param>
    /// <param name="token">What the source is to be asked with.</param>
    /// <returns><see langword="false"/> when it was set already: there is nothing to wait for.</returns>
    /// <exception cref="OperationCanceledException">The token was cancelled already.</exception>
    private bool TryBeginWait(CancellationToken cancellationToken, out short token)
    {
        token = 0;
        if (Interlocked.CompareExchange(ref _state, Idle, Signalled) == Signalled)
        {
            return false;
        }

        cancellationToken.ThrowIfCancellationRequested();
        _core.Reset();
        _core.RunContinuationsAsynchronously = false;
        var previous = Interlocked.CompareExchange(ref _state, Waiting, Idle);
        if (previous == Signalled)
        {
            Volatile.Write(ref _state, Idle);
            return false;
        }

        if (previous == Waiting)
        {
            throw new InvalidOperationException("Only one caller can wait at a time.");
        }

        // From here on Set or Cancel may complete the source at any moment. GetResult disposes the registration, and that
        // waits for a callback already running, so a cancellation of this wait can never reach the next one.
        if (cancellationToken.CanBeCanceled)
        {
            _registration = cancellationToken.UnsafeRegister(OnCancelled, this);
        }

        token = _core.Version;
        return true;
    }

    /// <summary>Wakes the waiter, or the next one to come. Never throws.</summary>
    public void Set()
    {
        if (Interlocked.CompareExchange(ref _state, Idle, Waiting) == Waiting)
        {
            Complete();
            return;
        }

        // Not waiting: remember it. A waiter that slipped in between is woken by the second try.
        if (Interlocked.CompareExchange(ref _state, Signalled, Idle) == Waiting
            && Interlocked.CompareExchange(ref _state, Idle, Waiting) == Waiting)
        {
            Complete();
        }
    }

    private void Complete()
    {
        if (_alwaysAsynchronously)
        {
            // Completed there, not here with a continuation that is queued: that would allocate each time.
            ThreadPool.UnsafeQueueUserWorkItem(_queued ??= new Queued(this), preferLocal: true);
            return;
        }

        _core.SetResult(true);
    }

    /// <inheritdoc/>
    bool IValueTaskSource<bool>.GetResult(short token)
    {
        ((IValueTaskSource)this).GetResult(token);
        return true;
    }

    /// <inheritdoc/>
    ValueTaskSourceStatus IValueTaskSource<bool>.GetStatus(short token) => _core.GetStatus(token);

    /// <inheritdoc/>
    void IValueTaskSource<bool>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags)
        => _core.OnCompleted(continuation, state, token, flags);

    /// <inheritdoc/>
    void IValueTaskSource.GetResult(short token)
    {
        // Throws when the task was awaited before: the registration is another wait's then.
        _core.GetStatus(token);
        _registration.Dispose();
        _registration = default;
        _core.GetResult(token);
    }

    /// <inheritdoc/>
    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _core.GetStatus(token);

    /// <inheritdoc/>
    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags)
        => _core.OnCompleted(continuation, state, token, flags);

    private void Cancel(CancellationToken token)
    {
        if (Interlocked.CompareExchange(ref _state, Idle, Waiting) == Waiting)
        {
            // Never run the receiver's code on the thread that cancels.
            _core.RunContinuationsAsynchronously = true;
            _core.SetException(new OperationCanceledException(token));
        }
    }

    private sealed class Queued(AsyncAutoResetSignal signal) : IThreadPoolWorkItem
    {
        public void Execute() => signal._core.SetResult(true);
    }
}
