using System.Buffers;

namespace Transports;

/// <summary>Pooled bytes that grow as they are written, up to a limit; for messages put together from pieces.</summary>
internal sealed class PooledBytes(ArrayPool<byte> pool) : Stream, IBufferWriter<byte>
{
    private const int SmallestRent = 4096;

    private byte[] _array = [];
    private int _length;

    public ReadOnlyMemory<byte> WrittenMemory => new(_array, 0, _length);

    public Span<byte> WrittenSpan => _array.AsSpan(0, _length);

    public int Count => _length;

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => _length;

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public void Advance(int count) => _length += count;

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        Ensure(Math.Max(sizeHint, 1));
        return _array.AsMemory(_length);
    }

    public Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        Ensure(buffer.Length);
        buffer.CopyTo(_array.AsSpan(_length));
        _length += buffer.Length;
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Flush()
    {
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    /// <summary>Forgets the bytes. Memory up to <paramref name="keep"/> bytes is kept for the next use.</summary>
    public void Clear(int keep = 0)
    {
        _length = 0;
        if (_array.Length > keep)
        {
            pool.Return(_array);
            _array = [];
        }
    }

    private void Ensure(int count)
    {
        if (_array.Length - _length >= count)
        {
            return;
        }

        var doubled = (int)Math.Min(Math.Max(SmallestRent, _array.Length * 2L), Array.MaxLength);
        var larger = pool.Rent(Math.Max(checked(_length + count), doubled));
        WrittenSpan.CopyTo(larger);
        if (_array.Length > 0)
        {
            pool.Return(_array);
        }

        _array = larger;
    }
}
