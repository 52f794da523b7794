using System.Buffers;
using System.Buffers.Binary;

namespace Transports;

/// <summary>A length in one, two or four bytes, then the payload.</summary>
/// <remarks>
/// The length is an unsigned integer that counts the payload alone. It is checked before the body is buffered. One byte counts
/// to 255, two to 65,535, four to just under 2 GiB: the largest array.
/// </remarks>
public sealed class LengthPrefixedFraming : IPrefixFraming
{
    /// <summary>A framing with a prefix of the given size.</summary>
    /// <param name="prefixSize">The size of the length: 1, 2 or 4 bytes.</param>
    /// <param name="littleEndian">The byte order; by default the network's, big-endian.</param>
    /// <exception cref="ArgumentOutOfRangeException">The size is none of these.</exception>
    public LengthPrefixedFraming(int prefixSize = 4, bool littleEndian = false)
    {
        if (prefixSize is not (1 or 2 or 4))
        {
            throw new ArgumentOutOfRangeException(nameof(prefixSize), prefixSize, "A length prefix has 1, 2 or 4 bytes.");
        }

        PrefixSize = prefixSize;
        IsLittleEndian = littleEndian;
    }

    /// <summary>Four bytes, big-endian: the default of the byte transports.</summary>
    public static LengthPrefixedFraming Default { get; } = new();

    /// <summary>The size of the length in bytes.</summary>
    public int PrefixSize { get; }

    /// <summary>The length's byte order.</summary>
    public bool IsLittleEndian { get; }

    /// <inheritdoc/>
    public string Name => $"length-prefixed-{PrefixSize}{(IsLittleEndian ? "le" : "be")}";

    /// <inheritdoc/>
    public int MaxHeaderSize => PrefixSize;

    private int MaxLength => PrefixSize switch { 1 => byte.MaxValue, 2 => ushort.MaxValue, _ => FrameLimits.MaxPayload };

    /// <inheritdoc/>
    public IFrameDecoder CreateDecoder(int maxMessageSize) => new Decoder(PrefixSize, IsLittleEndian, FrameLimits.CheckMaxMessageSize(maxMessageSize));

    /// <inheritdoc/>
    public void WriteFrame(in ReadOnlySequence<byte> payload, IBufferWriter<byte> output)
    {
        ArgumentNullException.ThrowIfNull(output);
        var length = payload.Length;
        ThrowIfTooLong(length);
        var span = output.GetSpan(PrefixSize + (int)length);
        WriteHeader(length, span);
        payload.CopyTo(span[PrefixSize..]);
        output.Advance(PrefixSize + (int)length);
    }

    /// <inheritdoc/>
    public int WriteHeader(long payloadLength, Span<byte> header)
    {
        if (PrefixSize == 4 && !IsLittleEndian && (ulong)payloadLength <= int.MaxValue)
        {
            // The default, on the path of every message.
            BinaryPrimitives.WriteUInt32BigEndian(header, (uint)payloadLength);
            return 4;
        }

        ThrowIfTooLong(payloadLength);
        switch (PrefixSize)
        {
            case 1:
                header[0] = (byte)payloadLength;
                break;
            case 2 when IsLittleEndian:
                BinaryPrimitives.WriteUInt16LittleEndian(header, (ushort)payloadLength);
                break;
            case 2:
                BinaryPrimitives.WriteUInt16BigEndian(header, (ushort)payloadLength);
                break;
            default:
                BinaryPrimitives.WriteUInt32LittleEndian(header, (uint)payloadLength);
                break;
        }

        return PrefixSize;
    }

    private void ThrowIfTooLong(long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        if (length > MaxLength)
        {
            throw new MessageFramingException(
                $"A payload of {length} bytes does not fit a length prefix of {PrefixSize} bytes, which counts to {MaxLength}. Use a longer prefix.");
        }
    }

    private sealed class Decoder(int prefixSize, bool littleEndian, int maxMessageSize) : IFrameDecoder
    {
        public int BytesNeeded { get; private set; }

        public bool TryReadFrame(ReadOnlySpan<byte> buffer, out int payloadOffset, out int payloadLength, out int consumed)
        {
            payloadOffset = prefixSize;
            if (buffer.Length < prefixSize)
            {
                // The body's length is not known yet, so neither is what is missing.
                BytesNeeded = 0;
                payloadLength = consumed = 0;
                return false;
            }

            uint length;
            if (prefixSize == 4)
            {
                length = littleEndian ? BinaryPrimitives.ReadUInt32LittleEndian(buffer) : BinaryPrimitives.ReadUInt32BigEndian(buffer);
            }
            else if (prefixSize == 2)
            {
                length = littleEndian ? BinaryPrimitives.ReadUInt16LittleEndian(buffer) : BinaryPrimitives.ReadUInt16BigEndian(buffer);
            }
            else
            {
                length = buffer[0];
            }

            if (length > (uint)maxMessageSize)
            {
                throw new MessageTooLargeException(length, maxMessageSize);
            }

            payloadLength = (int)length;
            consumed = prefixSize + payloadLength;
            if (buffer.Length < consumed)
            {
                BytesNeeded = consumed - buffer.Length;
                return false;
            }

            return true;
        }
    }
}
