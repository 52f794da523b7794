using System.Buffers;
using System.Buffers.Binary;

namespace Transports;

/// <summary>
/// gRPC's Length-Prefixed-Message, uncompressed: a flag of one byte, a length of four, big-endian, and the message
/// (PROTOCOL-HTTP2.md, "Requests"). With an envelope, the message is a <c>transports.v1.Message</c> around the payload.
/// </summary>
internal sealed class GrpcFraming(bool hasEnvelope, GrpcCompression compression) : IGrpcFraming, IHeaderFraming
{
    public const int PrefixSize = 5;

    public Action<EnvelopeEnd>? EndReceived { get; set; }

    public string Name => hasEnvelope ? "grpc-envelope" : "grpc";

    public int MaxHeaderSize => hasEnvelope ? PrefixSize + Envelope.MaxOverhead : PrefixSize;

    public IFrameDecoder CreateDecoder(int maxMessageSize) => new GrpcFrameDecoder(this, hasEnvelope, compression, maxMessageSize);

    public void WriteFrame(in ReadOnlySequence<byte> payload, IBufferWriter<byte> output)
        => WriteFrame(new Message(payload), output);

    public void WriteFrame(in Message message, IBufferWriter<byte> output)
    {
        var payload = message.Payload;
        var length = (int)payload.Length;
        var span = output.GetSpan(MaxHeaderSize + length);
        var header = WriteHeader(length, message.Kind, span);
        payload.CopyTo(span[header..]);
        output.Advance(header + length);
    }

    public int WriteHeader(long payloadLength, Span<byte> header) => WriteHeader(payloadLength, MessageKind.Binary, header);

    public int WriteHeader(long payloadLength, MessageKind kind, Span<byte> header)
    {
        var added = hasEnvelope ? Envelope.HeaderSize((int)payloadLength, kind) : 0;
        WritePrefix(header, isCompressed: false, (int)payloadLength + added);
        if (hasEnvelope)
        {
            Envelope.WriteHeader((int)payloadLength, kind, header[PrefixSize..]);
        }

        return PrefixSize + added;
    }

    public static void WritePrefix(Span<byte> output, bool isCompressed, int length)
    {
        output[0] = isCompressed ? (byte)1 : (byte)0;
        BinaryPrimitives.WriteInt32BigEndian(output[1..], length);
    }
}
