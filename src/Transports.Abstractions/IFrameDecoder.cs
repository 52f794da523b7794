using System.Buffers;

namespace Transports;

/// <summary>Cuts frames out of one stream. Called by one thread at a time; may keep state between calls.</summary>
public interface IFrameDecoder
{
    /// <summary>Reads the next frame, if it is there whole.</summary>
    /// <param name="buffer">All bytes received and not yet consumed. On success cut off behind the frame; otherwise left as it was, or cut off behind what the decoder keeps itself; the next call sees at least the bytes left.</param>
    /// <param name="payload">The payload: a slice of <paramref name="buffer"/>, or memory of the decoder's own that stays valid until the next call.</param>
    /// <returns><see langword="false"/> when more bytes are needed.</returns>
    /// <exception cref="MessageFramingException">The bytes are not a frame. The stream cannot be read any further.</exception>
    /// <exception cref="MessageTooLargeException">The frame declares, or has reached, more than the limit.</exception>
    bool TryReadFrame(ref ReadOnlySequence<byte> buffer, out ReadOnlySequence<byte> payload);

    /// <summary>
    /// How many bytes beyond those last seen the current frame is known to lack, as a hint for the size of the next read;
    /// 0 when unknown. Meaningful after <see cref="TryReadFrame"/> has returned <see langword="false"/>.
    /// </summary>
    int BytesNeeded { get; }
}
