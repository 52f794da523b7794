using System.Buffers;
using System.Globalization;
using System.Text;

namespace Transports;

/// <summary>
/// A block of header fields with the length, then the payload: the base protocol of the Language Server Protocol
/// (specification 3.17, "Base Protocol"), used by the Debug Adapter Protocol too.
/// </summary>
/// <remarks>
/// <para>Written as <c>Content-Length: 5\r\n\r\nhello</c>, with a <c>Content-Type</c> where one is given.</para>
/// <para>Read: field names in any case and any order; <c>Content-Length</c> once, decimal digits; <c>Content-Type</c> at most
/// once, and its charset, where it names one, <c>utf-8</c> or <c>utf8</c>; other well-formed fields are ignored. Everything else is
/// refused. The header block has a bound of its own, and the declared length is checked before the body is buffered.</para>
/// </remarks>
public sealed class ContentLengthFraming : IPrefixFraming
{
    private const int MaxContentTypeLength = 256;
    private readonly byte[] _afterLength;

    /// <summary>A framing.</summary>
    /// <param name="contentType">
    /// The <c>Content-Type</c> to write, such as <c>application/vscode-jsonrpc; charset=utf-8</c>; none by default, which means
    /// that one. At most 256 printable ASCII characters.
    /// </param>
    /// <param name="maxHeaderBlockSize">The largest header block read, in bytes with its empty line. Default 4 KiB; from 64 bytes to 64 KiB.</param>
    /// <exception cref="ArgumentException">The content type is empty, too long or not printable ASCII.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The size is out of its range.</exception>
    public ContentLengthFraming(string? contentType = null, int maxHeaderBlockSize = 4096)
    {
        OptionGuard.ThrowIfOutOfRange(maxHeaderBlockSize, 64, 64 * 1024, nameof(maxHeaderBlockSize));
        if (contentType is not null
            && (contentType.Length is 0 or > MaxContentTypeLength || contentType.AsSpan().ContainsAnyExceptInRange(' ', '~')))
        {
            throw new ArgumentException($"A content type has from 1 to {MaxContentTypeLength} printable ASCII characters.", nameof(contentType));
        }

        ContentType = contentType;
        MaxHeaderBlockSize = maxHeaderBlockSize;
        _afterLength = Encoding.ASCII.GetBytes(contentType is null ? "\r\n\r\n" : $"\r\nContent-Type: {contentType}\r\n\r\n");
    }

    /// <summary>Without a content type, with the default bound.</summary>
    public static ContentLengthFraming Default { get; } = new();

    /// <summary>The content type written, or <see langword="null"/> for none.</summary>
    public string? ContentType { get; }

    /// <summary>The largest header block read, in bytes.</summary>
    public int MaxHeaderBlockSize { get; }

    /// <inheritdoc/>
    public string Name => "content-length";

    /// <inheritdoc/>
    public int MaxHeaderSize => LengthField.Length + MaxNumberLength + _afterLength.Length;

    private static ReadOnlySpan<byte> LengthField => "Content-Length: "u8;

    // A length of 31 bits has ten decimal digits at most.
    private static int MaxNumberLength => 10;

    /// <inheritdoc/>
    public IFrameDecoder CreateDecoder(int maxMessageSize)
        => new ContentLengthDecoder(MaxHeaderBlockSize, FrameLimits.CheckMaxMessageSize(maxMessageSize));

    /// <inheritdoc/>
    public void WriteFrame(in ReadOnlySequence<byte> payload, IBufferWriter<byte> output)
    {
        ArgumentNullException.ThrowIfNull(output);
        var length = FrameLimits.CheckPayload(payload.Length);
        var span = output.GetSpan(MaxHeaderSize + length);
        var header = WriteHeader(length, span);
        payload.CopyTo(span[header..]);
        output.Advance(header + length);
    }

    /// <inheritdoc/>
    public int WriteHeader(long payloadLength, Span<byte> header)
    {
        var length = FrameLimits.CheckPayload(payloadLength);
        LengthField.CopyTo(header);
        length.TryFormat(header[LengthField.Length..], out var digits, default, CultureInfo.InvariantCulture);
        var count = LengthField.Length + digits;
        _afterLength.CopyTo(header[count..]);
        return count + _afterLength.Length;
    }
}
