namespace Transports.Extensibility;

/// <summary>What a buffer pool implements to be told of arrays that will not come back.</summary>
/// <remarks>
/// A message is lent until the next receive. When its channel is disposed before that, somebody may still be reading it, so
/// the array under it is not returned, where the next renter would overwrite it: it is left to the garbage collector. A pool
/// that counts its arrays implements this beside <see cref="System.Buffers.ArrayPool{T}"/>, so that it can tell such an array
/// from a leak. Pools need not implement it; <see cref="System.Buffers.ArrayPool{T}.Shared"/> does not.
/// </remarks>
public interface IBufferPoolObserver
{
    /// <summary>
    /// Told once for an array of this pool that the channel no longer uses and will never return, because a message in it is
    /// still lent. May be called from any thread, also while another rents or returns; must not block and must not throw.
    /// </summary>
    /// <param name="array">The array, rented from this pool and not returned. The reader of the message may be reading it: the pool must not write to it or lend it again.</param>
    void Abandon(byte[] array);
}
