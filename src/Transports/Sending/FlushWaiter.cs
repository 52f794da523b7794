namespace Transports.Engine;

/// <summary>A caller waiting until the bytes up to a position have left.</summary>
internal sealed class FlushWaiter : PooledWaiter
{
    /// <summary>Completes when this many bytes of the queue's whole stream have been written.</summary>
    public long Position { get; set; }

    protected override bool TryRemove() => Queue.TryRemove(this);

    protected override void Recycle() => Queue.Recycle(this);
}
