using System.Buffers;
using System.Text;

namespace Transports;

/// <summary>The payload, then a delimiter: lines, or any other separator of one or more bytes.</summary>
/// <remarks>
/// <para>A payload that a reader would cut elsewhere is refused before one byte is written: one that holds the delimiter, or
/// whose end makes one together with the delimiter behind it. Choose a delimiter that no payload holds, or a framing that
/// carries the length.</para>
/// <para>A reader searches each byte once, however it arrives, and gives up a frame as soon as it is over the limit, delimiter
/// or not.</para>
/// </remarks>
public sealed class DelimiterFraming : IMessageFraming
{
    // Longer ones are a mistake, and the bound keeps a frame's length within an array.
    private const int MaxDelimiterLength = 1024;

    private readonly byte[] _delimiter;

    /// <summary>A framing with a delimiter.</summary>
    /// <param name="delimiter">The bytes after each payload, 1 to 1,024; copied.</param>
    /// <param name="trimCarriageReturn">
    /// Drops one <c>\r</c> at the end of a received payload, so that with <c>\n</c> as the delimiter both kinds of line end are
    /// understood. A payload that ends with <c>\r</c> is then refused when sent, as it would arrive without it.
    /// </param>
    /// <exception cref="ArgumentException">The delimiter is empty or too long.</exception>
    public DelimiterFraming(ReadOnlySpan<byte> delimiter, bool trimCarriageReturn = false)
    {
        if (delimiter.Length is 0 or > MaxDelimiterLength)
        {
            throw new ArgumentException($"A delimiter has from 1 to {MaxDelimiterLength} bytes; this one has {delimiter.Length}.", nameof(delimiter));
        }

        _delimiter = delimiter.ToArray();
        TrimsCarriageReturn = trimCarriageReturn;
    }

    /// <summary>Lines: each payload ends with <c>\n</c> (0x0A). A <c>\r</c> before it belongs to the payload; make a framing with <c>trimCarriageReturn</c> to drop it.</summary>
    public static DelimiterFraming Lines { get; } = new("\n"u8);

    /// <summary>The delimiter.</summary>
    public ReadOnlyMemory<byte> Delimiter => _delimiter;

    /// <summary>One <c>\r</c> at the end of a received payload is dropped.</summary>
    public bool TrimsCarriageReturn { get; }

    /// <inheritdoc/>
    public string Name => _delimiter is [(byte)'\n'] ? "lines" : $"delimiter-{Convert.ToHexStringLower(_delimiter)}";

    /// <inheritdoc/>
    public IFrameDecoder CreateDecoder(int maxMessageSize)
        => new Decoder(_delimiter, TrimsCarriageReturn, FrameLimits.CheckMaxMessageSize(maxMessageSize));

    /// <inheritdoc/>
    public void WriteFrame(in ReadOnlySequence<byte> payload, IBufferWriter<byte> output)
    {
        ArgumentNullException.ThrowIfNull(output);
        var length = FrameLimits.CheckPayload(payload.Length);

        // Copied first and looked at there, in one piece with the delimiter behind it; without Advance nothing is written.
        var frame = output.GetSpan(length + _delimiter.Length)[..(length + _delimiter.Length)];
        payload.CopyTo(frame);
        _delimiter.CopyTo(frame[length..]);
        var found = frame.IndexOf(_delimiter);
        if (found != length)
        {
            throw new MessageFramingException(
                $"The payload of {length} bytes makes the delimiter ({Show(_delimiter)}) at byte {found}, so a reader would cut it there. Escape it, or use a framing that carries the length.");
        }

        if (TrimsCarriageReturn && length > 0 && frame[length - 1] == '\r')
        {
            throw new MessageFramingException(
                "The payload ends with a carriage return, which a reader of this framing drops. Trim it before sending, or use a framing that does not trim.");
        }

        output.Advance(frame.Length);
    }

    private static string Show(byte[] delimiter)
    {
        var text = new StringBuilder("0x");
        text.Append(Convert.ToHexString(delimiter.AsSpan(0, Math.Min(delimiter.Length, 16))));
        return delimiter.Length > 16 ? text.Append('…').ToString() : text.ToString();
    }

    private sealed class Decoder(byte[] delimiter, bool trimCarriageReturn, int maxMessageSize) : IFrameDecoder
    {
        public int BytesNeeded { get; private set; }

        // Up to here no delimiter begins, in the frame being read.
        private int _searched;

        public bool TryReadFrame(ReadOnlySpan<byte> buffer, out int payloadOffset, out int payloadLength, out int consumed)
        {
            payloadOffset = payloadLength = consumed = 0;
            var found = buffer[_searched..].IndexOf(delimiter);
            if (found < 0)
            {
                // The last bytes may be the beginning of a delimiter.
                _searched = Math.Max(_searched, buffer.Length - (delimiter.Length - 1));
                ThrowIfTooLarge(_searched - (trimCarriageReturn ? 1 : 0));
                return false;
            }

            var length = _searched + found;
            consumed = length + delimiter.Length;
            if (trimCarriageReturn && length > 0 && buffer[length - 1] == '\r')
            {
                length--;
            }

            ThrowIfTooLarge(length);
            payloadLength = length;
            _searched = 0;
            return true;
        }

        private void ThrowIfTooLarge(int length)
        {
            if (length > maxMessageSize)
            {
                throw new MessageTooLargeException(length, maxMessageSize);
            }
        }
    }
}
