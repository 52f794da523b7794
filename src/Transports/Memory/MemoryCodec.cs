using System.Buffers.Binary;

namespace Transports.Engine;

/// <summary>How a message stands in a buffer of an in-memory connection: four bytes (its length and, in the lowest bit, its kind) and the payload.</summary>
internal sealed class MemoryCodec : MessageCodec
{
    private const int HeaderSize = sizeof(uint);

    public override int MaxHeaderSize => HeaderSize;

    public override bool PreservesMessageKind => true;

    public override void Write(in Message message, OutputBuffer output)
    {
        var length = (int)message.Length;
        var frame = output.Append(HeaderSize + length);
        BinaryPrimitives.WriteUInt32LittleEndian(frame, ((uint)length << 1) | (uint)message.Kind);
        message.CopyTo(frame[HeaderSize..]);
    }

    public override int WriteHeader(Span<byte> payload, MessageKind kind, Span<byte> header)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(header, ((uint)payload.Length << 1) | (uint)kind);
        return HeaderSize;
    }

    public override ReadStatus Read(Memory<byte> input, ref CodecRead read)
    {
        ReadOnlySpan<byte> bytes = input.Span;
        var start = 0;
        while (start < bytes.Length && !read.IsFull)
        {
            var header = BinaryPrimitives.ReadUInt32LittleEndian(bytes[start..]);
            var length = (int)(header >> 1);
            read.Add(start + HeaderSize, length, (MessageKind)(header & 1));
            start += HeaderSize + length;
        }

        read.Consumed = start;
        return read.Count > 0 ? ReadStatus.Messages : ReadStatus.NeedMore;
    }
}
