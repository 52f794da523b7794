using System.Buffers;

namespace Transports.Extensibility;

/// <summary>Pooled memory that grows as it is written, for protocols that put messages together from pieces. The limit is the writer's to keep.</summary>
/// <remarks>For one thread at a time. <see cref="Clear"/> gives the memory back; what was read out of it must not be used after that.</remarks>
/// <param name="pool">Where memory comes from.</param>
public sealed class PooledBufferWriter(ArrayPool<byte> pool) : Stream, IBufferWriter<byte>
{
    private const int MinRent = 4096;

    private byte[] _array = [];
    private int _length;

    /// <summary>What was written.</summary>
    public ReadOnlyMemory<byte> WrittenMemory => new(_array, 0, _length);

    /// <summary>What was written, to be changed in place.</summary>
    public Span<byte> WrittenSpan => _array.AsSpan(0, _length);

    /// <summary>What was written, where it lies.</summary>
    public ArraySegment<byte> WrittenArray => new(_array, 0, _length);

    /// <summary>How many bytes were written.</summary>
    public int Count => _length;

    /// <inheritdoc/>
    public override bool CanRead => false;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override bool CanWrite => true;

    /// <inheritdoc/>
    public override long Length => _length;

    /// <inheritdoc/>
    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>Counts bytes as written, or with a negative number takes some back.</summary>
    /// <param name="count">How many.</param>
    public void Advance(int count)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)(_length + count), (uint)_array.Length, nameof(count));
        _length += count;
    }

    /// <inheritdoc/>
    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        Ensure(Math.Max(sizeHint, 1));
        return _array.AsMemory(_length);
    }

    /// <inheritdoc/>
    public Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

    /// <inheritdoc/>
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        Ensure(buffer.Length);
        buffer.CopyTo(_array.AsSpan(_length));
        _length += buffer.Length;
    }

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    /// <inheritdoc/>
    public override void Flush()
    {
    }

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <summary>Forgets the bytes, and gives the memory back.</summary>
    /// <param name="keep">Memory of up to this many bytes is kept for the next use.</param>
    public void Clear(int keep = 0)
    {
        _length = 0;
        if (_array.Length > keep)
        {
            pool.Return(_array);
            _array = [];
        }
    }

    /// <summary>Forgets the bytes, and leaves the memory to the collector: a message in it may still be looked at (see <see cref="IBufferPoolObserver"/>).</summary>
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
        if (_array.Length - _length >= count)
        {
            return;
        }

        var doubled = (int)Math.Min(Math.Max(MinRent, _array.Length * 2L), Array.MaxLength);
        var larger = pool.Rent(Math.Max(checked(_length + count), doubled));
        WrittenSpan.CopyTo(larger);
        if (_array.Length > 0)
        {
            pool.Return(_array);
        }

        _array = larger;
    }
}
