using System.Buffers;
using System.Buffers.Binary;
using System.IO.Compression;

namespace Transports.Fuzz.Tests;

/// <summary>Length-prefixed messages of gRPC, with the envelope or without, compressed or not.</summary>
internal static class GrpcInput
{
    public static byte[] Create(Random random, bool envelope, bool gzip)
    {
        var codec = new GrpcCodec(ChannelSide.Client, envelope, new GrpcCompression { IsEnabled = false }, new MessageChannelOptions());
        var output = new ArrayBufferWriter<byte>();
        for (var i = random.Next(1, 6); i > 0; i--)
        {
            var one = new OutputBuffer(ArrayPool<byte>.Shared);
            codec.Write(new Message(Bytes.Some(random), random.Next(2) == 0 ? MessageKind.Text : MessageKind.Binary), one);
            var frame = one.WrittenSpan;
            if (gzip && random.Next(3) != 0)
            {
                var body = Gzip(frame[5..].ToArray());
                var prefix = new byte[5];
                prefix[0] = 1;
                BinaryPrimitives.WriteInt32BigEndian(prefix.AsSpan(1), body.Length);
                output.Write(prefix);
                output.Write(body);
            }
            else
            {
                output.Write(frame);
            }
        }

        return output.WrittenSpan.ToArray();
    }

    private static byte[] Gzip(byte[] bytes)
    {
        var output = new MemoryStream();
        using (var gzip = new GZipStream(output, CompressionLevel.Fastest))
        {
            gzip.Write(bytes);
        }

        return output.ToArray();
    }
}
