namespace Transports.WebSockets;

/// <summary>A compressed payload as the stream an inflater reads, with the end that its sender left out.</summary>
/// <param name="payload">The payload.</param>
/// <param name="byByte">Gives one byte at a time, so that an inflater that has ended has taken no byte of what follows.</param>
internal sealed class InflaterInput(ReadOnlyMemory<byte> payload, bool byByte) : Stream
{
    // The end of every sync-flushed block, cut off by the sender (RFC 7692, section 7.2.1), then an empty last block, so that the
    // inflater knows the end.
    private static readonly byte[] End = [0x00, 0x00, 0xFF, 0xFF, 0x01, 0x00, 0x00, 0xFF, 0xFF];

    private ReadOnlyMemory<byte> _left = payload;
    private bool _inEnd;

    /// <summary>The inflater has been through the whole payload. It reads only when it has used up what it read before, so asking for the end tells.</summary>
    public bool IsConsumed => _inEnd || (byByte && _left.IsEmpty);

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override int Read(Span<byte> buffer)
    {
        if (_left.IsEmpty && !_inEnd)
        {
            _left = End;
            _inEnd = true;
        }

        var count = Math.Min(byByte && !_inEnd ? Math.Min(1, buffer.Length) : buffer.Length, _left.Length);
        _left.Span[..count].CopyTo(buffer);
        _left = _left[count..];
        return count;
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
