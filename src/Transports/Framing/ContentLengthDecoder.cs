using System.Text;

namespace Transports.Engine;

/// <summary>Reads the frames of <see cref="ContentLengthFraming"/>. Parses a header block once, however the body arrives.</summary>
internal sealed class ContentLengthDecoder(int maxHeaderBlockSize, int maxMessageSize) : IFrameDecoder
{
    public int BytesNeeded { get; private set; }

    // Beyond any length that could be meant, and within a long.
    private const int MaxDigits = 18;

    // Of the frame being read: up to here no end of the header block begins; the block's size once known, and what it declares.
    private int _searched;
    private int _headerSize;
    private int _contentLength;

    private static ReadOnlySpan<byte> EndOfBlock => "\r\n\r\n"u8;

    public bool TryReadFrame(ReadOnlySpan<byte> buffer, out int payloadOffset, out int payloadLength, out int consumed)
    {
        payloadOffset = payloadLength = consumed = 0;
        if (_headerSize == 0 && !TryReadHeader(buffer))
        {
            BytesNeeded = 0;
            return false;
        }

        BytesNeeded = _headerSize + _contentLength - buffer.Length;
        if (BytesNeeded > 0)
        {
            return false;
        }

        payloadOffset = _headerSize;
        payloadLength = _contentLength;
        consumed = _headerSize + _contentLength;
        _headerSize = _searched = 0;
        return true;
    }

    private bool TryReadHeader(ReadOnlySpan<byte> buffer)
    {
        var block = buffer[..Math.Min(buffer.Length, maxHeaderBlockSize)];
        var found = block[_searched..].IndexOf(EndOfBlock);
        if (found < 0)
        {
            if (buffer.Length >= maxHeaderBlockSize)
            {
                throw new MessageFramingException(
                    $"The header block does not end within {maxHeaderBlockSize} bytes. The peer uses another framing, or raise maxHeaderBlockSize.");
            }

            _searched = Math.Max(0, block.Length - (EndOfBlock.Length - 1));
            return false;
        }

        var end = _searched + found;
        _contentLength = ParseFields(block[..end]);
        _headerSize = end + EndOfBlock.Length;
        return true;
    }

    private int ParseFields(ReadOnlySpan<byte> fields)
    {
        long length = -1;
        var hasType = false;
        while (!fields.IsEmpty)
        {
            var end = fields.IndexOf("\r\n"u8);
            var field = end < 0 ? fields : fields[..end];
            fields = end < 0 ? default : fields[(end + 2)..];

            var colon = field.IndexOf((byte)':');
            if (colon <= 0 || !IsToken(field[..colon]) || field.ContainsAnyExceptInRange((byte)' ', (byte)'~'))
            {
                throw new MessageFramingException(
                    $"The header block holds a line that is no field ({Show(field)}). Write 'Content-Length: <bytes>', '\\r\\n' after each field, and an empty line before the payload.");
            }

            var value = field[(colon + 1)..].Trim((byte)' ');
            if (Ascii.EqualsIgnoreCase(field[..colon], "Content-Length"u8))
            {
                length = length < 0 ? ParseLength(value) : throw new MessageFramingException("The header block holds Content-Length twice. Write it once.");
            }
            else if (Ascii.EqualsIgnoreCase(field[..colon], "Content-Type"u8))
            {
                if (hasType)
                {
                    throw new MessageFramingException("The header block holds Content-Type twice. Write it once.");
                }

                hasType = true;
                CheckCharset(value);
            }
        }

        if (length < 0)
        {
            throw new MessageFramingException("The header block has no Content-Length. Write 'Content-Length: <bytes>' in front of every payload.");
        }

        return length <= maxMessageSize ? (int)length : throw new MessageTooLargeException(length, maxMessageSize);
    }

    private static long ParseLength(ReadOnlySpan<byte> value)
    {
        if (value.Length is 0 or > MaxDigits || value.ContainsAnyExceptInRange((byte)'0', (byte)'9'))
        {
            throw new MessageFramingException($"The Content-Length ({Show(value)}) is not a number of bytes in decimal digits.");
        }

        long length = 0;
        foreach (var digit in value)
        {
            length = (length * 10) + (digit - '0');
        }

        return length;
    }

    // The specification: "If a server or client receives a header with a different encoding than utf-8 it should respond with an error."
    private static void CheckCharset(ReadOnlySpan<byte> contentType)
    {
        while (contentType.IndexOf((byte)';') is var semicolon and >= 0)
        {
            contentType = contentType[(semicolon + 1)..].TrimStart((byte)' ');
            var equals = contentType.IndexOf((byte)'=');
            if (equals < 0 || !Ascii.EqualsIgnoreCase(contentType[..equals].Trim((byte)' '), "charset"u8))
            {
                continue;
            }

            var charset = contentType[(equals + 1)..];
            var next = charset.IndexOf((byte)';');
            charset = (next < 0 ? charset : charset[..next]).Trim((byte)' ').Trim((byte)'"');

            // "utf8" is the older form, which the specification keeps for compatibility.
            if (!Ascii.EqualsIgnoreCase(charset, "utf-8"u8) && !Ascii.EqualsIgnoreCase(charset, "utf8"u8))
            {
                throw new MessageFramingException($"The Content-Type names the charset {Show(charset)}. Only utf-8 is defined.");
            }
        }
    }

    // RFC 9110, section 5.6.2, as far as it matters: no white space inside or behind a field's name.
    private static bool IsToken(ReadOnlySpan<byte> name) => !name.ContainsAnyExceptInRange((byte)'!', (byte)'~');

    // What a peer sent goes into errors and logs: short, and printable only.
    private static string Show(ReadOnlySpan<byte> bytes)
    {
        const int Most = 40;
        var text = new StringBuilder("'");
        foreach (var b in bytes[..Math.Min(bytes.Length, Most)])
        {
            text.Append(b is >= (byte)' ' and <= (byte)'~' ? (char)b : '?');
        }

        return text.Append(bytes.Length > Most ? "…'" : "'").ToString();
    }
}
