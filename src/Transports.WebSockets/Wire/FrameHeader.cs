using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Transports.WebSockets;

/// <summary>The bytes before a frame's payload: RFC 6455, section 5.2.</summary>
internal readonly ref struct FrameHeader
{
    /// <summary>Two bytes, a length of eight, a key of four.</summary>
    public const int MaxSize = 14;

    public const int MaxControlPayload = 125;

    private const byte FinalBit = 0x80;
    private const byte CompressedBit = 0x40;
    private const byte ReservedBits = 0x30;
    private const byte MaskedBit = 0x80;
    private const int LengthIn16Bits = 126;
    private const int LengthIn64Bits = 127;

    private readonly byte _first;

    private FrameHeader(byte first, bool isMasked, int size, long payloadLength, uint key)
    {
        _first = first;
        IsMasked = isMasked;
        Size = size;
        PayloadLength = payloadLength;
        Key = key;
    }

    public bool IsFinal => (_first & FinalBit) != 0;

    /// <summary>RSV1, which permessage-deflate sets on a compressed message's first frame (RFC 7692, section 6).</summary>
    public bool IsCompressed => (_first & CompressedBit) != 0;

    public bool HasReservedBits => (_first & ReservedBits) != 0;

    public WebSocketOpcode Opcode => (WebSocketOpcode)(_first & 0x0F);

    public bool IsControl => (_first & 0x08) != 0;

    public bool IsMasked { get; }

    /// <summary>The header's own size in bytes.</summary>
    public int Size { get; }

    /// <summary>The payload's length in bytes; negative when the wire said so.</summary>
    public long PayloadLength { get; }

    public uint Key { get; }

    public static bool TryRead(ReadOnlySpan<byte> bytes, out FrameHeader header)
    {
        header = default;
        if (bytes.Length < 2)
        {
            return false;
        }

        var isMasked = (bytes[1] & MaskedBit) != 0;
        long length = bytes[1] & 0x7F;
        var size = 2;
        if (length == LengthIn16Bits)
        {
            size = 4;
            if (bytes.Length < size)
            {
                return false;
            }

            length = BinaryPrimitives.ReadUInt16BigEndian(bytes[2..]);
        }
        else if (length == LengthIn64Bits)
        {
            size = 10;
            if (bytes.Length < size)
            {
                return false;
            }

            length = BinaryPrimitives.ReadInt64BigEndian(bytes[2..]);
        }

        uint key = 0;
        if (isMasked)
        {
            if (bytes.Length < size + Mask.KeySize)
            {
                return false;
            }

            key = MemoryMarshal.Read<uint>(bytes[size..]);
            size += Mask.KeySize;
        }

        header = new FrameHeader(bytes[0], isMasked, size, length, key);
        return true;
    }

    /// <summary>Writes the header of a final frame.</summary>
    /// <param name="output">At least <see cref="MaxSize"/> bytes.</param>
    /// <param name="opcode">What the frame is.</param>
    /// <param name="compressed">Whether the payload is compressed.</param>
    /// <param name="payloadLength">The payload's length in bytes.</param>
    /// <param name="key">The key, for a client.</param>
    /// <returns>How many bytes were written.</returns>
    public static int Write(Span<byte> output, WebSocketOpcode opcode, bool compressed, int payloadLength, uint? key)
    {
        output[0] = (byte)(FinalBit | (compressed ? CompressedBit : 0) | (byte)opcode);
        int size;
        if (payloadLength < LengthIn16Bits)
        {
            output[1] = (byte)payloadLength;
            size = 2;
        }
        else if (payloadLength <= ushort.MaxValue)
        {
            output[1] = LengthIn16Bits;
            BinaryPrimitives.WriteUInt16BigEndian(output[2..], (ushort)payloadLength);
            size = 4;
        }
        else
        {
            output[1] = LengthIn64Bits;
            BinaryPrimitives.WriteInt64BigEndian(output[2..], payloadLength);
            size = 10;
        }

        if (key is { } value)
        {
            output[1] |= MaskedBit;
            MemoryMarshal.Write(output[size..], value);
            size += Mask.KeySize;
        }

        return size;
    }
}
