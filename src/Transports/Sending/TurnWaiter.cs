namespace Transports;

/// <summary>A sender whose message was taken, and who goes on when others have had their turn.</summary>
internal sealed class TurnWaiter(WriteLoop loop) : PooledWaiter, IThreadPoolWorkItem
{
    public void Execute() => Complete();

    protected override void Recycle() => loop.Recycle(this);

    // Never in a list: its message was taken, so there is nothing to give up.
    protected override bool TryRemove() => false;
}
