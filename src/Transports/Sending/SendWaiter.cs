namespace Transports.Engine;

/// <summary>A sender waiting for room.</summary>
internal abstract class SendWaiter : PooledWaiter
{
    /// <summary>About how many bytes it will add.</summary>
    public abstract long Size { get; }

    /// <summary>Writes its frames, all or none. Called under the gate.</summary>
    public abstract void WriteTo(SendQueue queue);

    protected override bool TryRemove() => Queue.TryRemove(this);
}
