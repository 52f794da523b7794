namespace Transports;

/// <summary>Callers waiting for a flush, by rising position. Not thread-safe: its owner's gate guards it.</summary>
internal struct FlushWaiterList
{
    private FlushWaiter? _first;
    private FlushWaiter? _last;

    /// <summary>Completes a chain that was taken. Called without the gate.</summary>
    public static void CompleteAll(FlushWaiter? first)
    {
        while (first is not null)
        {
            var next = first.Next;
            first.Next = null;
            first.Complete();
            first = next;
        }
    }

    public void Add(FlushWaiter waiter)
    {
        if (_last is null)
        {
            _first = waiter;
        }
        else
        {
            _last.Next = waiter;
        }

        _last = waiter;
    }

    public bool Remove(FlushWaiter waiter)
    {
        FlushWaiter? previous = null;
        for (var current = _first; current is not null; previous = current, current = current.Next)
        {
            if (!ReferenceEquals(current, waiter))
            {
                continue;
            }

            if (previous is null)
            {
                _first = current.Next;
            }
            else
            {
                previous.Next = current.Next;
            }

            if (ReferenceEquals(_last, current))
            {
                _last = previous;
            }

            current.Next = null;
            return true;
        }

        return false;
    }

    /// <summary>Takes those whose position has been written.</summary>
    public FlushWaiter? TakeUpTo(long written)
    {
        if (_first is not { } first || first.Position > written)
        {
            return null;
        }

        var last = first;
        while (last.Next is { } next && next.Position <= written)
        {
            last = next;
        }

        _first = last.Next;
        last.Next = null;
        if (_first is null)
        {
            _last = null;
        }

        return first;
    }

    /// <summary>Empties the list, each waiter to report the failure.</summary>
    public FlushWaiter? TakeAll(Exception failure)
    {
        var first = _first;
        for (var waiter = first; waiter is not null; waiter = waiter.Next)
        {
            waiter.Failure = failure;
        }

        _first = _last = null;
        return first;
    }
}
