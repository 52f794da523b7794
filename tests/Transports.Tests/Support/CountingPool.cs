using System.Buffers;

namespace Transports.Tests;

/// <summary>Counts what is rented and not given back.</summary>
internal sealed class CountingPool : ArrayPool<byte>, IBufferPoolObserver
{
    private int _rented;
    private long _bytes;

    public int Rented => Volatile.Read(ref _rented);

    public long Bytes => Volatile.Read(ref _bytes);

    public override byte[] Rent(int minimumLength)
    {
        var array = Shared.Rent(minimumLength);
        Interlocked.Increment(ref _rented);
        Interlocked.Add(ref _bytes, array.Length);
        return array;
    }

    public override void Return(byte[] array, bool clearArray = false)
    {
        Interlocked.Decrement(ref _rented);
        Interlocked.Add(ref _bytes, -array.Length);
        array.AsSpan().Fill(0xEE);
        Shared.Return(array, clearArray);
    }

    public void Abandon(byte[] array)
    {
        Interlocked.Decrement(ref _rented);
        Interlocked.Add(ref _bytes, -array.Length);
    }
}
