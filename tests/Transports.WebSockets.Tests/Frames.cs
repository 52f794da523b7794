using System.Buffers.Binary;

namespace Transports.WebSockets.Tests;

/// <summary>Frames of a peer, made by hand: masked when this side is the server.</summary>
internal static class Frames
{
    /// <summary>A frame with a key of zeros, which leaves the payload as it is.</summary>
    public static byte[] Of(bool isServer, byte first, byte[] payload) => [.. Header(isServer, first, payload.Length), .. payload];

    /// <summary>A frame with a key.</summary>
    public static byte[] Masked(bool isServer, byte first, ReadOnlySpan<byte> payload)
    {
        var frame = Of(isServer, first, payload.ToArray());
        if (isServer)
        {
            var key = frame.AsSpan(frame.Length - payload.Length - 4, 4);
            key[0] = 0x37;
            key[1] = 0xFA;
            key[2] = 0x21;
            key[3] = 0x3D;
            for (var i = 0; i < payload.Length; i++)
            {
                frame[frame.Length - payload.Length + i] ^= key[i % 4];
            }
        }

        return frame;
    }

    public static byte[] Header(bool isServer, byte first, long length)
    {
        var mask = isServer ? 0x80 : 0;
        var bytes = new List<byte> { first };
        if (length < 126)
        {
            bytes.Add((byte)(mask | (int)length));
        }
        else if (length <= ushort.MaxValue)
        {
            bytes.AddRange([(byte)(mask | 126), (byte)(length >> 8), (byte)length]);
        }
        else
        {
            var wide = new byte[8];
            BinaryPrimitives.WriteInt64BigEndian(wide, length);
            bytes.AddRange([(byte)(mask | 127), .. wide]);
        }

        return isServer ? [.. bytes, 0, 0, 0, 0] : [.. bytes];
    }
}
