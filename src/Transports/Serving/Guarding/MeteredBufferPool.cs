using System.Buffers;

namespace Transports;

/// <summary>A buffer pool that knows how many bytes are rented from it, so that a <see cref="ConnectionGuard"/> can refuse new channels when all channels together hold too much.</summary>
/// <remarks>Set it as <see cref="MessageChannelOptions.BufferPool"/> of the transports and give it to the guard. It never refuses a rent: channels that are open go on.</remarks>
/// <param name="inner">Where arrays come from; <see cref="ArrayPool{T}.Shared"/> when <see langword="null"/>.</param>
public sealed class MeteredBufferPool(ArrayPool<byte>? inner = null) : ArrayPool<byte>, IBufferPoolObserver
{
    private readonly ArrayPool<byte> _inner = inner ?? Shared;
    private long _rented;

    /// <summary>The size of all arrays that are rented, in bytes; arrays are often larger than was asked for.</summary>
    public long RentedBytes => Interlocked.Read(ref _rented);

    /// <inheritdoc/>
    public override byte[] Rent(int minimumLength)
    {
        var array = _inner.Rent(minimumLength);
        Interlocked.Add(ref _rented, array.Length);
        return array;
    }

    /// <inheritdoc/>
    public override void Return(byte[] array, bool clearArray = false)
    {
        ArgumentNullException.ThrowIfNull(array);
        Interlocked.Add(ref _rented, -array.Length);
        _inner.Return(array, clearArray);
    }

    /// <inheritdoc/>
    public void Abandon(byte[] array)
    {
        ArgumentNullException.ThrowIfNull(array);
        Interlocked.Add(ref _rented, -array.Length);
        (_inner as IBufferPoolObserver)?.Abandon(array);
    }
}
