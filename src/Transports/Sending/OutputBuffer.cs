using System.Buffers;

namespace Transports.Extensibility;

/// <summary>A growing buffer of pooled bytes that frames are written into, and taken back from when writing one fails.</summary>
/// <remarks>For one thread at a time; in a <see cref="SendQueue"/> that is whoever holds its gate. Memory that <see cref="GetSpan"/> returned is the caller's until the next call.</remarks>
/// <param name="pool">Where memory comes from.</param>
public sealed class OutputBuffer(ArrayPool<byte> pool) : IBufferWriter<byte>
{
    // An idle channel keeps nothing, and a quiet one little: most small messages fit.
    private const int MinRent = 1024;

    private byte[] _array = [];
    private int _length;

    /// <summary>How many bytes were written; set lower to take some back.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Set to less than 0 or more than was written.</exception>
    public int Length
    {
        get => _length;
        set
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)value, (uint)_length, nameof(value));
            _length = value;
        }
    }

    /// <summary>What was written. Valid until more is written.</summary>
    public ReadOnlyMemory<byte> WrittenMemory => new(_array, 0, _length);

    /// <summary>What was written, to be changed in place. Valid until more is written.</summary>
    public Span<byte> WrittenSpan => _array.AsSpan(0, _length);

    internal byte[] WrittenArray => _array;

    /// <inheritdoc/>
    public void Advance(int count)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)count, (uint)(_array.Length - _length), nameof(count));
        _length += count;
    }

    /// <inheritdoc/>
    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        Ensure(Math.Max(sizeHint, 1));
        return _array.AsMemory(_length);
    }

    /// <inheritdoc/>
    public Span<byte> GetSpan(int sizeHint = 0)
    {
        Ensure(Math.Max(sizeHint, 1));
        return _array.AsSpan(_length);
    }

    /// <summary>Room for exactly this many bytes, counted as written.</summary>
    /// <param name="count">How many, at least 0.</param>
    /// <returns>The room, to be filled before the next call.</returns>
    public Span<byte> Append(int count)
    {
        Ensure(count);
        var span = _array.AsSpan(_length, count);
        _length += count;
        return span;
    }

    /// <summary>Forgets what was written and gives the memory back; the buffer can be used again.</summary>
    public void Release()
    {
        var array = _array;
        _array = [];
        _length = 0;
        if (array.Length > 0)
        {
            pool.Return(array);
        }
    }

    /// <summary>Forgets what was written and leaves the memory to the collector, for a message in it that may still be looked at; a pool that observes is told (see <see cref="IBufferPoolObserver"/>).</summary>
    public void Abandon()
    {
        var array = _array;
        _array = [];
        _length = 0;
        if (array.Length > 0)
        {
            pool.Abandon(array);
        }
    }

    private void Ensure(int count)
    {
        if (_array.Length - _length < count)
        {
            Grow(count);
        }
    }

    private void Grow(int count)
    {
        var needed = checked(_length + count);
        var doubled = (int)Math.Min(Math.Max(MinRent, _array.Length * 2L), Array.MaxLength);
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
