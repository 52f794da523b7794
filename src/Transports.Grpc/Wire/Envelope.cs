using System.Numerics;
using System.Text;

namespace Transports.Grpc;

/// <summary>
/// The message of <c>transports.v1.MessageChannel</c>, by hand: protobuf's wire format for one <c>bytes</c> field and one enum, or for its
/// sender's end. The kind is written first, so that the payload comes last and its header can be made from its length.
/// </summary>
internal static class Envelope
{
    public const string Method = "transports.v1.MessageChannel/Connect";

    /// <summary>The most that an envelope written here adds to a payload: kind, tag and length.</summary>
    public const int MaxOverhead = 2 + 1 + 5;

    /// <summary>What a peer may add: room for fields of a later version.</summary>
    public const int AcceptedOverhead = 1024;

    private const byte PayloadTag = (1 << 3) | 2;
    private const byte KindTag = 2 << 3;
    private const byte EndTag = (3 << 3) | 2;
    private const byte EndStatusTag = 1 << 3;
    private const byte EndDescriptionTag = (2 << 3) | 2;

    // With the fields around it within what every receiver accepts beyond its message limit.
    private const int MaxDescription = 900;

    public static int HeaderSize(int payloadLength, MessageKind kind)
        => (kind == MessageKind.Text ? 2 : 0) + 1 + VarintSize((uint)payloadLength);

    public static int WriteHeader(int payloadLength, MessageKind kind, Span<byte> output)
    {
        var at = 0;
        if (kind == MessageKind.Text)
        {
            output[at++] = KindTag;
            output[at++] = (byte)kind;
        }

        output[at++] = PayloadTag;
        return at + WriteVarint((uint)payloadLength, output[at..]);
    }

    /// <summary>An end, as a whole gRPC message. A description that is too long is cut.</summary>
    public static byte[] FrameEnd(EnvelopeEnd end)
    {
        var description = CutDescription(end.Description ?? "");
        Span<byte> fields = stackalloc byte[MaxDescription + 8];
        var at = 0;
        if (end.Status is { } status)
        {
            // One more than the status: zero is the half-close.
            fields[at++] = EndStatusTag;
            fields[at++] = (byte)((int)status + 1);
        }

        if (description.Length > 0)
        {
            fields[at++] = EndDescriptionTag;
            at += WriteVarint((uint)description.Length, fields[at..]);
            description.CopyTo(fields[at..]);
            at += description.Length;
        }

        var frame = new byte[GrpcCodec.PrefixSize + 1 + VarintSize((uint)at) + at];
        GrpcCodec.WritePrefix(frame, isCompressed: false, frame.Length - GrpcCodec.PrefixSize);
        frame[GrpcCodec.PrefixSize] = EndTag;
        var header = GrpcCodec.PrefixSize + 1;
        header += WriteVarint((uint)at, frame.AsSpan(header));
        fields[..at].CopyTo(frame.AsSpan(header));
        return frame;
    }

    /// <summary>Whether a message begins as <see cref="FrameEnd"/> writes one.</summary>
    /// <param name="message">At least one byte of it.</param>
    public static bool BeginsWithEnd(ReadOnlySpan<byte> message) => message[0] == EndTag;

    /// <summary>Finds the payload. Fields may come in any order, the last one of a number counts, unknown ones are skipped.</summary>
    /// <param name="message">The message.</param>
    /// <param name="payloadOffset">Where the payload begins.</param>
    /// <param name="payloadLength">Its length.</param>
    /// <param name="end">The sender's end, which makes the rest meaningless; otherwise <see langword="null"/>.</param>
    /// <exception cref="MessageFramingException">The bytes are not such a message.</exception>
    public static MessageKind Read(ReadOnlySpan<byte> message, out int payloadOffset, out int payloadLength, out EnvelopeEnd? end)
    {
        var kind = MessageKind.Binary;
        payloadOffset = payloadLength = 0;
        end = null;
        var at = 0;
        while (at < message.Length)
        {
            var tag = ReadVarint(message, ref at);
            switch (tag & 7)
            {
                case 0:
                    var value = ReadVarint(message, ref at);
                    if (tag == KindTag)
                    {
                        kind = value == 1 ? MessageKind.Text : MessageKind.Binary;
                    }

                    break;
                case 2:
                    var length = ReadVarint(message, ref at);
                    var next = Skip(message, at, length);
                    if (tag == PayloadTag)
                    {
                        (payloadOffset, payloadLength) = (at, (int)length);
                    }
                    else if (tag == EndTag)
                    {
                        end = ReadEnd(message[at..next]);
                    }

                    at = next;
                    break;
                default:
                    at = SkipFixed(message, at, tag);
                    break;
            }
        }

        return kind;
    }

    private static EnvelopeEnd ReadEnd(ReadOnlySpan<byte> message)
    {
        ulong status = 0;
        string? description = null;
        var at = 0;
        while (at < message.Length)
        {
            var tag = ReadVarint(message, ref at);
            switch (tag & 7)
            {
                case 0:
                    var value = ReadVarint(message, ref at);
                    status = tag == EndStatusTag ? value : status;
                    break;
                case 2:
                    var length = ReadVarint(message, ref at);
                    var next = Skip(message, at, length);
                    description = tag == EndDescriptionTag ? Encoding.UTF8.GetString(message[at..next]) : description;
                    at = next;
                    break;
                default:
                    at = SkipFixed(message, at, tag);
                    break;
            }
        }

        if (status == 0)
        {
            return EnvelopeEnd.HalfClose;
        }

        // One of a later version is some failure; it must not look like a clean end.
        var known = status <= int.MaxValue && Enum.IsDefined((ChannelCloseStatus)(status - 1));
        return new EnvelopeEnd(known ? (ChannelCloseStatus)(status - 1) : ChannelCloseStatus.InternalError, string.IsNullOrEmpty(description) ? null : description);
    }

    private static byte[] CutDescription(string description)
    {
        var bytes = Encoding.UTF8.GetBytes(description);
        var length = Math.Min(bytes.Length, MaxDescription);
        while (length < bytes.Length && (bytes[length] & 0xC0) == 0x80)
        {
            // Not inside a character.
            length--;
        }

        return bytes[..length];
    }

    private static int WriteVarint(uint value, Span<byte> output)
    {
        var at = 0;
        while (value >= 0x80)
        {
            output[at++] = (byte)(value | 0x80);
            value >>= 7;
        }

        output[at++] = (byte)value;
        return at;
    }

    private static int VarintSize(uint value) => (BitOperations.Log2(value | 1) / 7) + 1;

    private static int Skip(ReadOnlySpan<byte> message, int at, ulong count)
        => count <= (ulong)(message.Length - at) ? at + (int)count : throw Malformed();

    // Wire types of a fixed size; none of ours has one.
    private static int SkipFixed(ReadOnlySpan<byte> message, int at, ulong tag) => (tag & 7) switch
    {
        1 => Skip(message, at, 8),
        5 => Skip(message, at, 4),
        _ => throw Malformed(),
    };

    private static ulong ReadVarint(ReadOnlySpan<byte> message, ref int at)
    {
        ulong value = 0;
        for (var shift = 0; shift < 64; shift += 7)
        {
            if (at == message.Length)
            {
                throw Malformed();
            }

            var octet = message[at++];
            value |= (ulong)(octet & 0x7f) << shift;
            if (octet < 0x80)
            {
                return value;
            }
        }

        throw Malformed();
    }

    private static MessageFramingException Malformed() => new(
        $"The message is not a transports.v1.Message. For a service of your own, put its method into the address, such as grpc+https://host/package.Service/Method; without one {Method} is spoken.");
}
