namespace Transports.Extensibility;

/// <content>Waiting until what was accepted has left.</content>
public sealed partial class SendQueue
{
    /// <summary>Completes when all that was accepted so far has been handed on.</summary>
    /// <param name="cancellationToken">Gives up waiting, and nothing else.</param>
    public ValueTask FlushAsync(CancellationToken cancellationToken) => FlushAsync(alsoWaiting: false, cancellationToken);

    /// <summary>Completes when the senders waiting for room have been served too, and all has been handed on. For the end of sending, when none can join them.</summary>
    /// <param name="cancellationToken">Gives up waiting, and nothing else.</param>
    public ValueTask FlushAllAsync(CancellationToken cancellationToken) => FlushAsync(alsoWaiting: true, cancellationToken);

    /// <summary>Writes what is queued on this thread, if nobody does so yet. For a receiver about to wait: the peer may be waiting for these bytes.</summary>
    public void FlushBeforeWaiting() => Loop?.FlushBeforeWaiting();

    /// <summary>Bytes were read, so the next send is likely an answer: let it go out at once.</summary>
    public void NoteRead() => Loop?.NoteRead();

    /// <summary>Completes when no write is in progress. After <see cref="Fail"/>, so that none will begin.</summary>
    public Task WhenIdleAsync() => Loop?.WhenIdleAsync() ?? Task.CompletedTask;

    internal bool TryRemove(FlushWaiter waiter)
    {
        lock (_gate)
        {
            if (!waiter.IsQueued)
            {
                return false;
            }

            _flushes.Remove(waiter);
            return true;
        }
    }

    internal void Recycle(FlushWaiter waiter) => Volatile.Write(ref _spareFlush, waiter);

    internal FlushWaiter RentFlushWaiter() => Interlocked.Exchange(ref _spareFlush, null) ?? new FlushWaiter();

    private ValueTask FlushAsync(bool alsoWaiting, CancellationToken cancellationToken)
    {
        FlushBeforeWaiting();
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

            var waiter = RentFlushWaiter();

            // Sends still waiting for room were not accepted, so a flush does not count them; what they will add nobody knows.
            waiter.Position = withWaiters ? long.MaxValue : _accepted;
            var waiting = waiter.Begin(this);
            _flushes.Add(waiter);
            waiter.ListenTo(cancellationToken);
            return waiting;
        }
    }

    // In the order of their coming, which is that of their positions, but for flushes of everything.
    private PooledWaiter? TakeFlushes(long written)
    {
        PooledWaiter? first = null;
        PooledWaiter? last = null;
        while (_flushes.First is FlushWaiter waiter && waiter.Position <= written)
        {
            _flushes.MoveFirstTo(ref first, ref last);
        }

        return first;
    }
}
