using System.Buffers;

namespace Transports;

/// <summary>A length as a base-128 varint, then the payload: the same bytes as protobuf's <c>writeDelimitedTo</c>.</summary>
/// <remarks>
/// The length takes one to five bytes, seven bits each, the lowest first; a set top bit says that another follows (protobuf's
/// encoding guide, "Base 128 Varints"). It counts the payload alone and has at most 31 bits. A reader takes only the
/// shortest form, which is what every <c>writeDelimitedTo</c> writes: one length has one encoding.
/// </remarks>
public sealed class VarintFraming : IPrefixFraming
{
    // 31 bits, seven at a time.
    private const int MaxVarintLength = 5;

    /// <summary>The framing; it has no settings.</summary>
    public static VarintFraming Default { get; } = new();

    /// <inheritdoc/>
    public string Name => "varint";

    /// <inheritdoc/>
    public int MaxHeaderSize => MaxVarintLength;

    /// <inheritdoc/>
    public IFrameDecoder CreateDecoder(int maxMessageSize) => new Decoder(FrameLimits.CheckMaxMessageSize(maxMessageSize));

    /// <inheritdoc/>
    public void WriteFrame(in ReadOnlySequence<byte> payload, IBufferWriter<byte> output)
    {
        ArgumentNullException.ThrowIfNull(output);
        var length = FrameLimits.CheckPayload(payload.Length);
        var span = output.GetSpan(MaxVarintLength + length);
        var header = WriteHeader(length, span);
        payload.CopyTo(span[header..]);
        output.Advance(header + length);
    }

    /// <inheritdoc/>
    public int WriteHeader(long payloadLength, Span<byte> header)
    {
        var rest = (uint)FrameLimits.CheckPayload(payloadLength);
        var count = 0;
        while (rest > 0x7F)
        {
            header[count++] = (byte)(rest | 0x80);
            rest >>= 7;
        }

        header[count++] = (byte)rest;
        return count;
    }

    private sealed class Decoder(int maxMessageSize) : IFrameDecoder
    {
        public int BytesNeeded { get; private set; }

        public bool TryReadFrame(ReadOnlySpan<byte> buffer, out int payloadOffset, out int payloadLength, out int consumed)
        {
            payloadLength = consumed = 0;
            if (!TryReadLength(buffer, out payloadOffset, out var length))
            {
                // The body's length is not known yet, so neither is what is missing.
                BytesNeeded = 0;
                return false;
            }

            if (length > maxMessageSize)
            {
                throw new MessageTooLargeException(length, maxMessageSize);
            }

            payloadLength = length;
            consumed = payloadOffset + length;
            BytesNeeded = consumed - buffer.Length;
            return BytesNeeded <= 0;
        }

        private static bool TryReadLength(ReadOnlySpan<byte> buffer, out int count, out int length)
        {
            length = 0;
            for (count = 0; count < buffer.Length;)
            {
                int next = buffer[count];
                if (count == MaxVarintLength - 1 && next > 0x07)
                {
                    // Four bytes carry 28 bits, so the fifth has three left, and there is no sixth.
                    throw new MessageFramingException(
                        "The length is a varint of more than 31 bits. The peer uses another framing, or is hostile.");
                }

                length |= (next & 0x7F) << (7 * count);
                count++;
                if (next > 0x7F)
                {
                    continue;
                }

                if (next == 0 && count > 1)
                {
                    throw new MessageFramingException(
                        "The length is a varint with needless zeros at its end. Write it in its shortest form, as writeDelimitedTo does.");
                }

                return true;
            }

            return false;
        }
    }
}
