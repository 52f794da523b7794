using System.Buffers.Binary;

namespace Transports.WebSockets;

/// <summary>Messages as they wait in a send queue for a WebSocket that makes frames itself: a length of four bytes, what it is, and the payload.</summary>
internal sealed class RecordCodec : MessageCodec
{
    /// <summary>The size of what stands before a payload, in bytes.</summary>
    public const int HeaderSize = sizeof(int) + 1;

    public override int MaxHeaderSize => HeaderSize;

    public override bool PreservesMessageKind => true;

    /// <summary>Reads a record's header.</summary>
    public static (int Length, WebSocketOpcode Opcode) ReadHeader(ReadOnlySpan<byte> header)
        => (BinaryPrimitives.ReadInt32LittleEndian(header), (WebSocketOpcode)header[sizeof(int)]);

    public override void Write(in Message message, OutputBuffer output)
    {
        var length = (int)message.Length;
        var record = output.Append(HeaderSize + length);
        message.CopyTo(record[WriteHeader(length, OpcodeOf(message.Kind), record)..]);
    }

    public override int WriteHeader(Span<byte> payload, MessageKind kind, Span<byte> header) => WriteHeader(payload.Length, OpcodeOf(kind), header);

    public override bool TryWriteClose(ChannelCloseInfo info, ChannelCloseInfo? peerClose, OutputBuffer output)
    {
        Span<byte> payload = stackalloc byte[FrameHeader.MaxControlPayload];
        payload = payload[..ClosePayload.Write(info, peerClose, payload)];
        var record = output.Append(HeaderSize + payload.Length);
        payload.CopyTo(record[WriteHeader(payload.Length, WebSocketOpcode.Close, record)..]);
        return true;
    }

    public override ReadStatus Read(Memory<byte> input, ref CodecRead read) => throw new NotSupportedException("A WebSocket that makes frames itself reads them itself.");

    private static WebSocketOpcode OpcodeOf(MessageKind kind) => kind == MessageKind.Text ? WebSocketOpcode.Text : WebSocketOpcode.Binary;

    private static int WriteHeader(int length, WebSocketOpcode opcode, Span<byte> header)
    {
        BinaryPrimitives.WriteInt32LittleEndian(header, length);
        header[sizeof(int)] = (byte)opcode;
        return HeaderSize;
    }
}
