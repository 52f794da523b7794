namespace Transports;

/// <summary>Cuts frames out of one stream. Called by one thread at a time; may keep state between calls.</summary>
public interface IFrameDecoder
{
    /// <summary>
    /// How many bytes beyond those last seen the current frame is known to lack, as a hint for the size of the next read;
    /// 0 when unknown. Meaningful after <see cref="TryReadFrame"/> has returned <see langword="false"/>.
    /// </summary>
    int BytesNeeded { get; }

    /// <summary>Reads the next frame, if it is there whole. Its payload is a range of the input, which must not be changed.</summary>
    /// <param name="buffer">All bytes received and not yet consumed, in one piece.</param>
    /// <param name="payloadOffset">Where in <paramref name="buffer"/> the payload begins.</param>
    /// <param name="payloadLength">The payload's length in bytes.</param>
    /// <param name="consumed">How many bytes the whole frame takes: at least 1, at least up to the payload's end.</param>
    /// <returns><see langword="false"/> when more bytes are needed; the next call then sees the same bytes again, and more behind them.</returns>
    /// <exception cref="MessageFramingException">The bytes are not a frame. The stream cannot be read any further.</exception>
    /// <exception cref="MessageTooLargeException">The frame declares, or has reached, more than the limit.</exception>
    bool TryReadFrame(ReadOnlySpan<byte> buffer, out int payloadOffset, out int payloadLength, out int consumed);
}
