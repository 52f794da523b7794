namespace Transports.Grpc;

/// <summary>How many calls of a transport are writing: whether a write is likely to share its connection's next turn with others.</summary>
internal sealed class RequestWrites
{
    private int _count;

    /// <summary>A write begins.</summary>
    /// <returns>Others are in progress.</returns>
    public bool Enter() => Interlocked.Increment(ref _count) > 1;

    /// <summary>It is over.</summary>
    public void Leave() => Interlocked.Decrement(ref _count);
}
