using System.Buffers.Binary;

namespace Transports.Engine;

/// <summary><see cref="LengthPrefixedFraming.Default"/> as a codec: four bytes of length, big-endian, then the payload. On the path of every message, so written out.</summary>
internal sealed class LengthPrefixedCodec(int maxMessageSize) : MessageCodec
{
    private const int PrefixSize = sizeof(uint);

    private readonly int _maxMessageSize = FrameLimits.CheckMaxMessageSize(maxMessageSize);

    public override int MaxHeaderSize => PrefixSize;

    public override void Write(in Message message, OutputBuffer output)
    {
        if (!message.IsContiguous)
        {
            LengthPrefixedFraming.Default.WriteFrame(message.Payload, output);
            return;
        }

        var payload = message.Span;
        var frame = output.Append(PrefixSize + payload.Length);
        BinaryPrimitives.WriteInt32BigEndian(frame, payload.Length);
        payload.CopyTo(frame[PrefixSize..]);
    }

    public override void Write(ReadOnlySpan<Message> batch, OutputBuffer output)
    {
        var total = 0L;
        foreach (ref readonly var message in batch)
        {
            total += PrefixSize + message.Length;
        }

        // One look at the room for all of them.
        var room = output.Append(checked((int)total));
        foreach (ref readonly var message in batch)
        {
            var length = (int)message.Length;
            BinaryPrimitives.WriteInt32BigEndian(room, length);
            message.CopyTo(room[PrefixSize..]);
            room = room[(PrefixSize + length)..];
        }
    }

    public override int WriteHeader(Span<byte> payload, MessageKind kind, Span<byte> header)
    {
        BinaryPrimitives.WriteInt32BigEndian(header, payload.Length);
        return PrefixSize;
    }

    public override ReadStatus Read(Memory<byte> input, ref CodecRead read)
    {
        ReadOnlySpan<byte> bytes = input.Span;
        var frames = read.Frames;
        var start = 0;
        var count = 0;
        while (count < frames.Length)
        {
            if (bytes.Length - start < PrefixSize)
            {
                break;
            }

            var length = BinaryPrimitives.ReadUInt32BigEndian(bytes[start..]);
            if (length > (uint)_maxMessageSize)
            {
                if (count == 0)
                {
                    throw new MessageTooLargeException(length, _maxMessageSize);
                }

                // Told by the next call, behind the messages that stand before it.
                break;
            }

            var end = start + PrefixSize + (int)length;
            if (end > bytes.Length)
            {
                read.BytesNeeded = end - bytes.Length;
                break;
            }

            frames[count++] = new MessageFrame(start + PrefixSize, (int)length, MessageKind.Binary);
            start = end;
        }

        read.Count = count;
        read.Consumed = start;
        return count > 0 ? ReadStatus.Messages : ReadStatus.NeedMore;
    }
}
