using System.Diagnostics;

namespace Transports.Extensibility;

/// <content>Senders without room: first in, first out, served by whoever takes the buffer out.</content>
public sealed partial class SendQueue
{
    private MessageSendWaiter? _spareWaiter;

    /// <summary>The buffer that was filled changes places with an empty one, and those who waited for room write into that. Under the gate.</summary>
    /// <param name="empty">The empty buffer; takes what was filled.</param>
    /// <returns>The chain of those admitted, for <see cref="WaiterList.CompleteAll"/> after the gate was left.</returns>
    internal PooledWaiter? Swap(ref OutputBuffer empty)
    {
        AssertGate();
        Debug.Assert(empty.Length == 0 && !_serializing, "Nobody is in either buffer.");
        if (_filling.Length > 0)
        {
            (_filling, empty) = (empty, _filling);
        }

        return _waiters.IsEmpty ? null : Admit();
    }

    internal bool TryRemove(SendWaiter waiter)
    {
        lock (_gate)
        {
            if (!waiter.IsQueued)
            {
                return false;
            }

            _waiters.Remove(waiter);
            return true;
        }
    }

    internal MessageSendWaiter RentWaiter() => Interlocked.Exchange(ref _spareWaiter, null) ?? new MessageSendWaiter();

    // One spare each is enough for the usual lone sender; more at once allocate.
    internal void Recycle(MessageSendWaiter waiter) => Volatile.Write(ref _spareWaiter, waiter);

    private bool HasRoom(long size)
        => _waiters.IsEmpty && (_filling.Length == 0 || _filling.Length + size <= _limit);

    private ValueTask Enqueue(SendWaiter waiter, CancellationToken cancellationToken)
    {
        var waiting = waiter.Begin(this);
        _waiters.Add(waiter);
        waiter.ListenTo(cancellationToken);
        _atOnce = 0;
        return waiting;
    }

    // Lets those write that have room now, in order.
    private PooledWaiter? Admit()
    {
        PooledWaiter? first = null;
        PooledWaiter? last = null;
        while (_waiters.First is SendWaiter waiter && (_filling.Length == 0 || _filling.Length + waiter.Size <= _limit))
        {
            _waiters.MoveFirstTo(ref first, ref last);
            var start = _filling.Length;
            try
            {
                waiter.WriteTo(this);
                _accepted += _filling.Length - start;
            }
            catch (Exception e)
            {
                TakeBack(start);
                waiter.Failure = e;
            }
        }

        return first;
    }
}
