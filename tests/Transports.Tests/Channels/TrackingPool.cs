using System.Buffers;

namespace Transports.Tests.Channels;

/// <summary>A pool that knows what is out, and notices memory returned twice or used after its return.</summary>
internal sealed class TrackingPool : ArrayPool<byte>, IBufferPoolObserver
{
    private const byte Poison = 0xDD;
    private readonly Lock _gate = new();
    private readonly HashSet<byte[]> _out = new(ReferenceEqualityComparer.Instance);
    private readonly List<byte[]> _returned = [];

    public int Rented { get; private set; }

    /// <summary>How many bytes are rented now.</summary>
    public int BytesOut
    {
        get
        {
            lock (_gate)
            {
                return _out.Sum(array => array.Length);
            }
        }
    }

    public int MaxRent { get; private set; }

    public override byte[] Rent(int minimumLength)
    {
        var array = new byte[minimumLength];
        lock (_gate)
        {
            Rented++;
            MaxRent = Math.Max(MaxRent, minimumLength);
            _out.Add(array);
        }

        return array;
    }

    public override void Return(byte[] array, bool clearArray = false)
    {
        lock (_gate)
        {
            _out.Remove(array).Should().BeTrue("what is returned was rented here, and not returned before");
            array.AsSpan().Fill(Poison);
            _returned.Add(array);
        }
    }

    public void Abandon(byte[] array)
    {
        lock (_gate)
        {
            _out.Remove(array).Should().BeTrue("what is abandoned was rented here, and not returned before");
        }
    }

    /// <summary>Nothing is out, and nothing returned was written to.</summary>
    public void Verify()
    {
        lock (_gate)
        {
            Rented.Should().BePositive();
            _out.Should().BeEmpty();
            _returned.Where(array => array.AsSpan().ContainsAnyExcept(Poison)).Should().BeEmpty("nobody writes to memory that was returned");
        }
    }
}
