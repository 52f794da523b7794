namespace Transports.Engine;

/// <summary>A sender whose message was taken, and who goes on when others have had their turn.</summary>
internal sealed class TurnWaiter : PooledWaiter, IThreadPoolWorkItem
{
    // One a thread: who goes on gives its waiter back where the next will want one.
    [ThreadStatic]
    private static TurnWaiter? t_spare;

    private TurnWaiter()
        : base(continuesInline: true)
    {
    }

    /// <summary>Waits for the next turn of the thread pool, behind what waits for one.</summary>
    public static ValueTask WaitAsync()
    {
        var waiter = t_spare ?? new TurnWaiter();
        t_spare = null;
        var waiting = waiter.Begin();
        ThreadPool.UnsafeQueueUserWorkItem(waiter, preferLocal: false);
        return waiting;
    }

    public void Execute() => Complete();

    protected override void Recycle() => t_spare = this;

    // Never in a list: its message was taken, so there is nothing to give up.
    protected override bool TryRemove() => false;
}
