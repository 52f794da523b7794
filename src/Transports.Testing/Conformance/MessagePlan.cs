namespace Transports.Testing;

/// <summary>Messages of mixed sizes whose bytes follow from a seed and their number, so that the receiver can check each without being told.</summary>
internal sealed class MessagePlan
{
    private readonly byte[] _bytes;
    private readonly int _seed;
    private readonly int _largest;

    public MessagePlan(int seed, int largest)
    {
        _seed = seed;
        _largest = largest;
        _bytes = new byte[largest + 64 * 1024];
        new Random(seed).NextBytes(_bytes);
    }

    /// <summary>Message number <paramref name="number"/>: mostly small, one in ten empty, one in a thousand of the largest size.</summary>
    public ReadOnlyMemory<byte> this[int number]
    {
        get
        {
            var hash = Mix((uint)number + (uint)_seed * 0x9E3779B9u);
            var length = (number % 1000) switch
            {
                0 => _largest,
                1 => _largest - 1,
                var n when n % 10 == 3 => 0,
                var n when n % 50 == 7 => (int)(hash % 8192),
                _ => 1 + (int)(hash % 128),
            };
            length = Math.Min(length, _largest);
            var offset = (int)(Mix(hash) % (uint)(_bytes.Length - length));
            return _bytes.AsMemory(offset, length);
        }
    }

    private static uint Mix(uint x)
    {
        x ^= x >> 16;
        x *= 0x7FEB352Du;
        x ^= x >> 15;
        x *= 0x846CA68Bu;
        return x ^ (x >> 16);
    }
}
