using System.Buffers;

namespace Transports.Tests.Framing;

/// <summary>Runs a framing without a channel: writes frames, and feeds a decoder the way a connection would.</summary>
internal static class FramingHarness
{
    public const int MaxMessageSize = 70_000;

    public static byte[] Write(IMessageFraming framing, params byte[][] payloads)
    {
        var output = new ArrayBufferWriter<byte>();
        foreach (var payload in payloads)
        {
            framing.WriteFrame(new ReadOnlySequence<byte>(payload), output);
        }

        return output.WrittenSpan.ToArray();
    }

    /// <summary>Feeds the bytes in pieces that end at the given positions, each time with all that is not consumed yet, as one piece.</summary>
    public static List<byte[]> Read(IMessageFraming framing, byte[] bytes, IEnumerable<int> splits, int maxMessageSize = MaxMessageSize)
    {
        var decoder = framing.CreateDecoder(maxMessageSize);
        var frames = new List<byte[]>();
        var start = 0;
        foreach (var end in splits.Where(split => split > 0 && split < bytes.Length).Append(bytes.Length).Order())
        {
            var buffer = bytes.AsSpan(start, end - start);
            while (decoder.TryReadFrame(buffer, out var offset, out var length, out var consumed))
            {
                frames.Add(buffer.Slice(offset, length).ToArray());
                buffer = buffer[consumed..];
            }

            // What the decoder says it lacks never goes beyond the frame, or a read for it would wait for ever.
            if (!buffer.IsEmpty && end + decoder.BytesNeeded > bytes.Length)
            {
                throw new InvalidOperationException($"BytesNeeded is {decoder.BytesNeeded} at {end} of {bytes.Length}.");
            }

            start = end - buffer.Length;
        }

        if (start != bytes.Length)
        {
            throw new InvalidOperationException($"{bytes.Length - start} bytes are left over.");
        }

        return frames;
    }

    /// <summary>Feeds the bytes to the codec that a channel makes of the framing, which finds as many frames in one call as there are.</summary>
    public static List<byte[]> ReadThroughCodec(IMessageFraming framing, byte[] bytes, IEnumerable<int> splits)
    {
        var codec = FramingCodec.Create(framing, MaxMessageSize);
        var read = new CodecRead { Frames = new MessageFrame[CodecRead.MaxMessages] };
        var frames = new List<byte[]>();
        var start = 0;
        foreach (var end in splits.Where(split => split > 0 && split < bytes.Length).Append(bytes.Length).Order())
        {
            ReadStatus status;
            do
            {
                read.Clear(scanned: 0);
                status = codec.Read(bytes.AsMemory(start, end - start), ref read);
                for (var i = 0; i < read.Count; i++)
                {
                    frames.Add(bytes.AsSpan(start + read.Frames[i].Offset, read.Frames[i].Length).ToArray());
                }

                start += read.Consumed;
            }
            while (status == ReadStatus.Messages);
        }

        start.Should().Be(bytes.Length);
        return frames;
    }

    public static ReadOnlySequence<byte> Segments(byte[] bytes, IEnumerable<int> splits)
    {
        var ends = splits.Where(split => split > 0 && split < bytes.Length).Distinct().Order().Append(bytes.Length);
        Segment? first = null;
        Segment? last = null;
        var start = 0;
        foreach (var end in ends)
        {
            var memory = bytes.AsMemory(start, end - start);
            last = last is null ? first = new Segment(memory) : last.Append(memory);
            start = end;
        }

        return new ReadOnlySequence<byte>(first!, 0, last!, last!.Memory.Length);
    }

    /// <summary>Every split there is: one byte at a time.</summary>
    public static IEnumerable<int> OneByOne(byte[] bytes) => Enumerable.Range(1, bytes.Length);

    private sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        public Segment(ReadOnlyMemory<byte> memory) => Memory = memory;

        public Segment Append(ReadOnlyMemory<byte> memory)
        {
            var next = new Segment(memory) { RunningIndex = RunningIndex + Memory.Length };
            Next = next;
            return next;
        }
    }
}
