using System.Numerics;
using System.Runtime.InteropServices;

namespace Transports.WebSockets;

/// <summary>The masking of client frames: RFC 6455, section 5.3.</summary>
internal static class Mask
{
    public const int KeySize = 4;

    /// <summary>Unmasks a frame's payload in place, or masks it again.</summary>
    /// <param name="payload">The payload from its first byte.</param>
    /// <param name="header">The frame's header.</param>
    public static void Remove(Span<byte> payload, in FrameHeader header)
    {
        if (header.IsMasked)
        {
            Apply(payload, header.Key);
        }
    }

    /// <summary>Masks or unmasks in place: the payload's byte i is combined with the key's byte i modulo 4.</summary>
    /// <param name="payload">The payload from its first byte.</param>
    /// <param name="key">The four bytes of the key as they lie in memory.</param>
    public static void Apply(Span<byte> payload, uint key)
    {
        if (payload.Length >= Vector<byte>.Count)
        {
            var mask = Vector.AsVectorByte(new Vector<uint>(key));
            var vectors = MemoryMarshal.Cast<byte, Vector<byte>>(payload);
            for (var i = 0; i < vectors.Length; i++)
            {
                vectors[i] ^= mask;
            }

            // A vector's size is a multiple of the key's, so the rest begins with the key's first byte again.
            payload = payload[(vectors.Length * Vector<byte>.Count)..];
        }

        while (payload.Length >= KeySize)
        {
            MemoryMarshal.Write(payload, MemoryMarshal.Read<uint>(payload) ^ key);
            payload = payload[KeySize..];
        }

        if (payload.Length > 0)
        {
            Span<byte> bytes = stackalloc byte[KeySize];
            MemoryMarshal.Write(bytes, key);
            for (var i = 0; i < payload.Length; i++)
            {
                payload[i] ^= bytes[i];
            }
        }
    }
}
