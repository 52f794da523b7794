namespace Transports.Engine;

/// <summary>Waiters, first in, first out. Not thread-safe: a send queue's gate guards it.</summary>
internal struct WaiterList
{
    private PooledWaiter? _last;

    public PooledWaiter? First { get; private set; }

    public readonly bool IsEmpty => First is null;

    /// <summary>Completes a chain that was taken out. Called without the gate, or where no continuation runs inline.</summary>
    public static void CompleteAll(PooledWaiter? first)
    {
        while (first is not null)
        {
            var next = first.Next;
            first.Next = first.Previous = null;
            first.Complete();
            first = next;
        }
    }

    public void Add(PooledWaiter waiter)
    {
        waiter.IsQueued = true;
        waiter.Previous = _last;
        if (_last is null)
        {
            First = waiter;
        }
        else
        {
            _last.Next = waiter;
        }

        _last = waiter;
    }

    public void Remove(PooledWaiter waiter)
    {
        if (waiter.Previous is null)
        {
            First = waiter.Next;
        }
        else
        {
            waiter.Previous.Next = waiter.Next;
        }

        if (waiter.Next is null)
        {
            _last = waiter.Previous;
        }
        else
        {
            waiter.Next.Previous = waiter.Previous;
        }

        waiter.Next = waiter.Previous = null;
        waiter.IsQueued = false;
    }

    /// <summary>Moves the first to the end of a chain of those taken out.</summary>
    /// <param name="first">The chain's first; the new one where there was none.</param>
    /// <param name="last">The chain's last.</param>
    public void MoveFirstTo(ref PooledWaiter? first, ref PooledWaiter? last)
    {
        var waiter = First!;
        Remove(waiter);
        if (last is null)
        {
            first = waiter;
        }
        else
        {
            last.Next = waiter;
        }

        last = waiter;
    }

    /// <summary>Empties the list for <see cref="CompleteAll"/>, each waiter to report the failure.</summary>
    public PooledWaiter? TakeAll(Exception? failure)
    {
        var first = First;
        for (var waiter = first; waiter is not null; waiter = waiter.Next)
        {
            waiter.IsQueued = false;
            waiter.Failure = failure;
        }

        First = _last = null;
        return first;
    }
}
