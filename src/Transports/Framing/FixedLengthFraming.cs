using System.Buffers;

namespace Transports;

/// <summary>Every payload has the same length, so the wire carries nothing else.</summary>
/// <remarks>
/// A payload of another length is refused before one byte is written. A length over the channel's
/// <see cref="MessageChannelOptions.MaxMessageSize"/> ends the channel at the first byte received.
/// </remarks>
public sealed class FixedLengthFraming : IPrefixFraming
{
    /// <summary>A framing for payloads of one length.</summary>
    /// <param name="length">The length of every payload in bytes, at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">The length is less than 1, or more than one frame can carry.</exception>
    public FixedLengthFraming(int length)
    {
        // A stream of empty frames has no bytes, so nobody could count them.
        OptionGuard.ThrowIfOutOfRange(length, 1, FrameLimits.MaxPayload, nameof(length));
        Length = length;
    }

    /// <summary>The length of every payload in bytes.</summary>
    public int Length { get; }

    /// <inheritdoc/>
    public string Name => $"fixed-{Length}";

    /// <inheritdoc/>
    public int MaxHeaderSize => 0;

    /// <inheritdoc/>
    public IFrameDecoder CreateDecoder(int maxMessageSize) => new Decoder(Length, FrameLimits.CheckMaxMessageSize(maxMessageSize));

    /// <inheritdoc/>
    public void WriteFrame(in ReadOnlySequence<byte> payload, IBufferWriter<byte> output)
    {
        ArgumentNullException.ThrowIfNull(output);
        WriteHeader(payload.Length, default);
        payload.CopyTo(output.GetSpan(Length));
        output.Advance(Length);
    }

    /// <inheritdoc/>
    public int WriteHeader(long payloadLength, Span<byte> header)
    {
        return payloadLength == Length
            ? 0
            : throw new MessageFramingException(
                $"A payload of {payloadLength} bytes does not fit this framing, in which every payload has {Length}. Pad it, or use a framing that carries the length.");
    }

    private sealed class Decoder(int length, int maxMessageSize) : IFrameDecoder
    {
        public int BytesNeeded { get; private set; }

        public bool TryReadFrame(ReadOnlySpan<byte> buffer, out int payloadOffset, out int payloadLength, out int consumed)
        {
            if (length > maxMessageSize)
            {
                throw new MessageTooLargeException(length, maxMessageSize);
            }

            payloadOffset = 0;
            payloadLength = consumed = length;
            BytesNeeded = length - buffer.Length;
            return BytesNeeded <= 0;
        }
    }
}
