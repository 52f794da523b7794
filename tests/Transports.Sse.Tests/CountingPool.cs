using System.Buffers;

namespace Transports.Sse.Tests;

/// <summary>Counts what is out and what was left to the collector.</summary>
internal sealed class CountingPool : ArrayPool<byte>, IBufferPoolObserver
{
    private readonly HashSet<byte[]> _rented = new(ReferenceEqualityComparer.Instance);

    public int Outstanding => _rented.Count;

    public int Abandoned { get; private set; }

    public override byte[] Rent(int minimumLength)
    {
        var array = new byte[minimumLength];
        _rented.Add(array);
        return array;
    }

    public override void Return(byte[] array, bool clearArray = false) => _rented.Remove(array).Should().BeTrue();

    public void Abandon(byte[] array)
    {
        _rented.Remove(array).Should().BeTrue();
        Abandoned++;
    }
}
