using System.Buffers;

namespace Transports;

/// <summary>A growing buffer of pooled bytes that frames are written into, and taken back from when writing one fails.</summary>
internal sealed class FrameBuffer(ArrayPool<byte> pool) : IBufferWriter<byte>
{
    // One page: what an idle channel keeps is nothing, and what a quiet one rents is small.
    private const int SmallestRent = 4096;

    private byte[] _array = [];

    /// <summary>How many bytes were written; set lower to take some back.</summary>
    public int Length { get; set; }

    public ReadOnlyMemory<byte> WrittenMemory => new(_array, 0, Length);

    public Span<byte> WrittenSpan => _array.AsSpan(0, Length);

    public void Advance(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, _array.Length - Length);
        Length += count;
    }

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        Ensure(sizeHint);
        return _array.AsMemory(Length);
    }

    public Span<byte> GetSpan(int sizeHint = 0)
    {
        Ensure(sizeHint);
        return _array.AsSpan(Length);
    }

    /// <summary>Room for exactly this many bytes, counted as written.</summary>
    public Span<byte> Append(int count)
    {
        Ensure(count);
        var span = _array.AsSpan(Length, count);
        Length += count;
        return span;
    }

    /// <summary>Writes a whole frame of a framing that only puts a header before the payload.</summary>
    public void AppendFrame(IHeaderFraming framing, int maxHeaderSize, ReadOnlySpan<byte> payload)
    {
        Ensure(maxHeaderSize + payload.Length);
        var frame = _array.AsSpan(Length);
        var header = framing.WriteHeader(payload.Length, frame);
        payload.CopyTo(frame[header..]);
        Length += header + payload.Length;
    }

    /// <summary>Gives the memory back; the buffer can be used again.</summary>
    public void Release()
    {
        var array = _array;
        _array = [];
        Length = 0;
        if (array.Length > 0)
        {
            pool.Return(array);
        }
    }

    private void Ensure(int sizeHint)
    {
        if (_array.Length - Length < Math.Max(sizeHint, 1))
        {
            Grow(Math.Max(sizeHint, 1));
        }
    }

    private void Grow(int sizeHint)
    {
        var needed = checked(Length + sizeHint);
        var doubled = (int)Math.Min(Math.Max(SmallestRent, _array.Length * 2L), Array.MaxLength);
        var larger = pool.Rent(Math.Max(needed, doubled));
        WrittenSpan.CopyTo(larger);
        var old = _array;
        _array = larger;
        if (old.Length > 0)
        {
            pool.Return(old);
        }
    }
}
