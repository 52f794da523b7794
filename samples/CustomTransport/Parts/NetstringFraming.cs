using System.Buffers;
using System.Buffers.Text;
using System.Globalization;
using Transports;

namespace CustomTransport;

/// <summary>A message as a netstring: its length in decimal digits, a colon, the payload, a comma.</summary>
// snippet: framing
public sealed class NetstringFraming : IMessageFraming
{
    public string Name => "netstring";

    public IFrameDecoder CreateDecoder(int maxMessageSize) => new Decoder(maxMessageSize);

    public void WriteFrame(in ReadOnlySequence<byte> payload, IBufferWriter<byte> output)
    {
        var room = output.GetSpan(Decoder.MaxDigits + 1);
        Utf8Formatter.TryFormat(payload.Length, room, out var digits);
        room[digits] = (byte)':';
        output.Advance(digits + 1);
        foreach (var piece in payload)
        {
            output.Write(piece.Span);
        }

        output.Write(","u8);
    }

    private sealed class Decoder(int maxMessageSize) : IFrameDecoder
    {
        public const int MaxDigits = 10;

        public int BytesNeeded { get; private set; }

        public bool TryReadFrame(ReadOnlySpan<byte> buffer, out int payloadOffset, out int payloadLength, out int consumed)
        {
            payloadOffset = payloadLength = consumed = 0;
            BytesNeeded = 0;
            var colon = buffer[..Math.Min(buffer.Length, MaxDigits + 1)].IndexOf((byte)':');
            if (colon < 0 && buffer.Length <= MaxDigits && !buffer.ContainsAnyExceptInRange((byte)'0', (byte)'9'))
            {
                return false;
            }

            if (colon <= 0 || buffer[..colon].ContainsAnyExceptInRange((byte)'0', (byte)'9'))
            {
                throw new MessageFramingException("A netstring begins with its length and a colon. The peer uses another framing.");
            }

            // Ten digits fit a long. Judged before anything is waited for: a declared length buys no memory.
            var length = long.Parse(buffer[..colon], NumberStyles.None, CultureInfo.InvariantCulture);
            if (length > maxMessageSize)
            {
                throw new MessageTooLargeException(length, maxMessageSize);
            }

            var end = colon + 1L + length;
            if (buffer.Length <= end)
            {
                BytesNeeded = (int)Math.Min(end + 1 - buffer.Length, int.MaxValue);
                return false;
            }

            if (buffer[(int)end] != ',')
            {
                throw new MessageFramingException("A netstring ends with a comma. The peer uses another framing.");
            }

            payloadOffset = colon + 1;
            payloadLength = (int)length;
            consumed = (int)end + 1;
            return true;
        }
    }
}
// end snippet
