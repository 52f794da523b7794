using System.Buffers;

namespace Transports;

/// <summary>A decoder over contiguous bytes: the fast way for a framing whose payload is a range of its input.</summary>
public abstract class ContiguousFrameDecoder : IFrameDecoder
{
    /// <inheritdoc/>
    public int BytesNeeded { get; protected set; }

    /// <summary>Reads the next frame, if it is there whole.</summary>
    /// <param name="buffer">All bytes received and not yet consumed.</param>
    /// <param name="payloadOffset">Where in <paramref name="buffer"/> the payload begins.</param>
    /// <param name="payloadLength">The payload's length in bytes.</param>
    /// <param name="consumed">How many bytes the whole frame takes.</param>
    /// <returns><see langword="false"/> when more bytes are needed; the next call then sees at least the same bytes again.</returns>
    /// <exception cref="MessageFramingException">The bytes are not a frame.</exception>
    /// <exception cref="MessageTooLargeException">The frame declares, or has reached, more than the limit.</exception>
    public abstract bool TryReadFrame(ReadOnlySpan<byte> buffer, out int payloadOffset, out int payloadLength, out int consumed);

    /// <inheritdoc/>
    public bool TryReadFrame(ref ReadOnlySequence<byte> buffer, out ReadOnlySequence<byte> payload)
    {
        payload = default;
        if (!TryReadFrame(buffer.FirstSpan, out var offset, out var length, out var consumed)
            && !TryReadFrameInPieces(buffer, out offset, out length, out consumed))
        {
            return false;
        }

        payload = buffer.Slice(offset, length);
        buffer = buffer.Slice(consumed);
        return true;
    }

    // After the first piece alone was not enough. A channel's own buffer is one piece, so this may cost a copy.
    private bool TryReadFrameInPieces(in ReadOnlySequence<byte> buffer, out int offset, out int length, out int consumed)
    {
        offset = length = consumed = 0;
        if (buffer.IsSingleSegment)
        {
            return false;
        }

        var beyondFirst = buffer.Length - buffer.FirstSpan.Length;
        if (BytesNeeded > beyondFirst)
        {
            // The frame's end is known and not there yet: nothing to copy for.
            BytesNeeded -= (int)beyondFirst;
            return false;
        }

        // No more than the frame where its end is known, or a sequence of many frames would be copied once for each.
        var known = BytesNeeded > 0 ? buffer.FirstSpan.Length + (long)BytesNeeded : buffer.Length;
        return TryReadJoined(buffer, checked((int)known), out offset, out length, out consumed)
            || (known < buffer.Length && TryReadJoined(buffer, checked((int)buffer.Length), out offset, out length, out consumed));
    }

    private bool TryReadJoined(in ReadOnlySequence<byte> buffer, int size, out int offset, out int length, out int consumed)
    {
        var joined = ArrayPool<byte>.Shared.Rent(size);
        try
        {
            buffer.Slice(0, size).CopyTo(joined);
            return TryReadFrame(joined.AsSpan(0, size), out offset, out length, out consumed);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(joined);
        }
    }
}
