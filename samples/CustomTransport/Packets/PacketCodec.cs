using System.Buffers.Binary;
using System.Text;
using Transports.Extensibility;
using Transports;

namespace CustomTransport;

/// <summary>How packets stand in the output buffer: each after its length in four bytes, which do not go on the wire, and its kind in one, which does.</summary>
// snippet: packet-codec
internal sealed class PacketCodec : MessageCodec
{
    public const int LengthSize = sizeof(int);
    public const int KindSize = 1;

    private const int MaxReason = 512;

    // The header comes from length and kind alone, and the payload follows as it is: values are serialized in place.
    public override int MaxHeaderSize => LengthSize + KindSize;

    public override bool PreservesMessageKind => true;

    public override void Write(in Message message, OutputBuffer output)
    {
        var length = KindSize + (int)message.Length;
        var frame = output.Append(LengthSize + length);
        BinaryPrimitives.WriteInt32BigEndian(frame, length);
        frame[LengthSize] = (byte)message.Kind;
        message.CopyTo(frame[MaxHeaderSize..]);
    }

    public override int WriteHeader(Span<byte> payload, MessageKind kind, Span<byte> header)
    {
        BinaryPrimitives.WriteInt32BigEndian(header, KindSize + payload.Length);
        header[LengthSize] = (byte)kind;
        return MaxHeaderSize;
    }

    // Goes behind all that was accepted, once.
    public override bool TryWriteClose(ChannelCloseInfo info, ChannelCloseInfo? peerClose, OutputBuffer output)
    {
        Span<byte> reason = stackalloc byte[MaxReason];
        Encoder utf8 = Encoding.UTF8.GetEncoder();
        utf8.Convert(info.Description ?? "", reason, flush: true, out _, out var count, out _);
        var frame = output.Append(MaxHeaderSize + 1 + count);
        BinaryPrimitives.WriteInt32BigEndian(frame, KindSize + 1 + count);
        frame[LengthSize] = (byte)PacketKind.Close;
        frame[MaxHeaderSize] = (byte)info.Status;
        reason[..count].CopyTo(frame[(MaxHeaderSize + 1)..]);
        return true;
    }

    // The kernel keeps packets apart, so nothing is read out of a stream.
    public override ReadStatus Read(Memory<byte> input, ref CodecRead read) => throw new NotSupportedException();
}
// end snippet
