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
        // Input in pieces is rare (a channel's own buffer is one piece), so it may cost a copy.
        var span = buffer.IsSingleSegment ? buffer.FirstSpan : buffer.ToArray();
        if (!TryReadFrame(span, out var offset, out var length, out var consumed))
        {
            payload = default;
            return false;
        }

        payload = buffer.Slice(offset, length);
        buffer = buffer.Slice(consumed);
        return true;
    }
}
