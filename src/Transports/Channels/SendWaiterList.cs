namespace Transports;

/// <summary>Senders waiting for room, first in, first out. Not thread-safe: its owner's gate guards it.</summary>
internal struct SendWaiterList
{
    private SendWaiter? _last;

    public SendWaiter? First { get; private set; }

    public readonly bool IsEmpty => First is null;

    /// <summary>Completes a chain taken with <see cref="TakeAll"/> or built of removed waiters. Called without the gate.</summary>
    public static void CompleteAll(SendWaiter? first)
    {
        while (first is not null)
        {
            var next = first.Next;
            first.Next = first.Previous = null;
            first.Complete();
            first = next;
        }
    }

    public void Add(SendWaiter waiter)
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

    public void Remove(SendWaiter waiter)
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

    /// <summary>Lets those write that have room now, in order.</summary>
    /// <param name="queue">What they write into; its gate is held.</param>
    /// <param name="filling">The buffer that this fills. One that is empty takes a waiter of any size.</param>
    /// <param name="limit">The bound of the buffer in bytes.</param>
    /// <returns>The chain of those that wrote, or failed to, for <see cref="CompleteAll"/>.</returns>
    public SendWaiter? Admit(ISendQueue queue, FrameBuffer filling, int limit)
    {
        SendWaiter? first = null;
        SendWaiter? last = null;
        while (First is { } waiter && (filling.Length == 0 || filling.Length + waiter.Size <= limit))
        {
            Remove(waiter);
            try
            {
                waiter.WriteTo(queue);
            }
            catch (Exception e)
            {
                waiter.Failure = e;
            }

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

        return first;
    }

    /// <summary>Empties the list for <see cref="CompleteAll"/>, each waiter to report the failure.</summary>
    public SendWaiter? TakeAll(Exception failure)
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
