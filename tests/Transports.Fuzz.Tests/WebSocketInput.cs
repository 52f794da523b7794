using System.Buffers.Binary;
using System.IO.Compression;

namespace Transports.Fuzz.Tests;

/// <summary>Frames of RFC 6455, mostly as they should be.</summary>
internal static class WebSocketInput
{
    public static byte[] Create(Random random, bool masked, bool compressed)
    {
        var output = new List<byte>();
        for (var i = random.Next(1, 7); i > 0; i--)
        {
            switch (random.Next(10))
            {
                case 0:
                    Write(random, output, 0x89, Bytes.Some(random, random.Next(126)), masked);
                    break;
                case 1:
                    Write(random, output, 0x8A, Bytes.Some(random, random.Next(126)), masked);
                    break;
                case 2 when random.Next(3) == 0:
                    var code = new byte[2];
                    BinaryPrimitives.WriteUInt16BigEndian(code, (ushort)(random.Next(4) == 0 ? random.Next(65536) : random.Next(1000, 1016)));
                    Write(random, output, 0x88, random.Next(4) == 0 ? [] : [.. code, .. Bytes.Some(random, random.Next(20))], masked);
                    break;
                default:
                    WriteMessage(random, output, masked, compressed && random.Next(2) == 0);
                    break;
            }
        }

        return [.. output];
    }

    private static void WriteMessage(Random random, List<byte> output, bool masked, bool compress)
    {
        var payload = Bytes.Some(random);
        var first = (random.Next(2) == 0 ? 1 : 2) | (compress ? 0x40 : 0);
        if (compress)
        {
            payload = Deflate(payload);
        }

        var pieces = random.Next(3) == 0 ? random.Next(1, 5) : 1;
        var at = 0;
        for (var i = 0; i < pieces; i++)
        {
            var last = i == pieces - 1;
            var end = last ? payload.Length : random.Next(at, payload.Length + 1);
            Write(random, output, (byte)((i == 0 ? first : 0) | (last ? 0x80 : 0)), payload[at..end], masked);
            at = end;
            if (!last && random.Next(4) == 0)
            {
                Write(random, output, 0x89, Bytes.Some(random, 3), masked);
            }
        }
    }

    private static void Write(Random random, List<byte> output, byte first, byte[] payload, bool masked)
    {
        output.Add(first);
        var mask = (byte)(masked ? 0x80 : 0);
        switch (payload.Length)
        {
            case < 126:
                output.Add((byte)(mask | payload.Length));
                break;
            case < 65536:
                output.AddRange([(byte)(mask | 126), (byte)(payload.Length >> 8), (byte)payload.Length]);
                break;
            default:
                output.AddRange([(byte)(mask | 127), 0, 0, 0, 0, (byte)(payload.Length >> 24), (byte)(payload.Length >> 16), (byte)(payload.Length >> 8), (byte)payload.Length]);
                break;
        }

        if (!masked)
        {
            output.AddRange(payload);
            return;
        }

        var key = new byte[4];
        random.NextBytes(key);
        output.AddRange(key);
        for (var i = 0; i < payload.Length; i++)
        {
            output.Add((byte)(payload[i] ^ key[i % 4]));
        }
    }

    // RFC 7692, section 7.2.1: the last four bytes of an empty block are left out.
    private static byte[] Deflate(byte[] payload)
    {
        var output = new MemoryStream();
        using (var deflate = new DeflateStream(output, CompressionLevel.Fastest, leaveOpen: true))
        {
            deflate.Write(payload);
            deflate.Flush();
            var length = (int)output.Length;
            return output.GetBuffer()[..Math.Max(0, length - 4)];
        }
    }
}
