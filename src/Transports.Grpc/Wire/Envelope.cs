using System.Numerics;

namespace Transports;

/// <summary>
/// The message of <c>transports.v1.MessageChannel</c>, by hand: protobuf's wire format for one <c>bytes</c> field and one enum. The kind is written
/// first, so that the payload comes last and its header can be made from its length.
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
        var rest = (uint)payloadLength;
        while (rest >= 0x80)
        {
            output[at++] = (byte)(rest | 0x80);
            rest >>= 7;
        }

        output[at++] = (byte)rest;
        return at;
    }

    /// <summary>Finds the payload. Fields may come in any order, the last one of a number counts, unknown ones are skipped.</summary>
    /// <exception cref="MessageFramingException">The bytes are not such a message.</exception>
    public static MessageKind Read(ReadOnlySpan<byte> message, out int payloadOffset, out int payloadLength)
    {
        var kind = MessageKind.Binary;
        payloadOffset = payloadLength = 0;
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
                case 1:
                    at = Skip(message, at, 8);
                    break;
                case 2:
                    var length = ReadVarint(message, ref at);
                    var end = Skip(message, at, length);
                    if (tag == PayloadTag)
                    {
                        (payloadOffset, payloadLength) = (at, (int)length);
                    }

                    at = end;
                    break;
                case 5:
                    at = Skip(message, at, 4);
                    break;
                default:
                    throw Malformed();
            }
        }

        return kind;
    }

    private static int VarintSize(uint value) => (BitOperations.Log2(value | 1) / 7) + 1;

    private static int Skip(ReadOnlySpan<byte> message, int at, ulong count)
        => count <= (ulong)(message.Length - at) ? at + (int)count : throw Malformed();

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
