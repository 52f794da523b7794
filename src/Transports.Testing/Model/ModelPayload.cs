using System.Buffers;
using System.Globalization;
using System.Text;

namespace Transports.Testing;

/// <summary>Payloads that say who sent them, and whose other bytes follow from that, so that whoever receives one can check every byte.</summary>
internal static class ModelPayload
{
    /// <summary>The least a payload that is not empty has.</summary>
    public const int MinSize = 24;

    public static byte[] Create(int seed, in ModelMark mark, int size, MessageKind kind)
    {
        var bytes = new byte[size];
        if (size == 0)
        {
            return bytes;
        }

        // Printable in any case: a text message must be valid UTF-8.
        var head = string.Create(CultureInfo.InvariantCulture, $"{mark.End:x1}.{mark.Sender:x2}.{mark.Step:x4}.{mark.Index:x2}.{size:x8}.{(kind == MessageKind.Text ? 't' : 'b')};");
        Encoding.ASCII.GetBytes(head, bytes);
        var state = ((uint)seed * 2654435761u) ^ (((uint)mark.End << 28) + ((uint)mark.Sender << 24) + ((uint)mark.Step << 8) + (uint)mark.Index) | 1u;
        for (var i = head.Length; i < size; i++)
        {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            bytes[i] = kind == MessageKind.Text ? (byte)(' ' + (state % 95)) : (byte)state;
        }

        return bytes;
    }

    /// <summary>Reads who sent a payload and checks all of it.</summary>
    /// <returns>What is wrong with it, or <see langword="null"/>.</returns>
    public static string? Check(int seed, in ReadOnlySequence<byte> payload, out ModelMark mark, out MessageKind kind)
    {
        mark = default;
        kind = MessageKind.Binary;
        var bytes = payload.ToArray();
        if (bytes.Length < MinSize)
        {
            return $"a message of {bytes.Length} bytes, which nobody sent: {Convert.ToHexString(bytes)}";
        }

        var parts = Encoding.ASCII.GetString(bytes, 0, MinSize).Split('.', ';');
        if (parts.Length < 6
            || !int.TryParse(parts[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var end)
            || !int.TryParse(parts[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var sender)
            || !int.TryParse(parts[2], NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var step)
            || !int.TryParse(parts[3], NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var index))
        {
            return $"a message of {bytes.Length} bytes that nobody sent; it begins {Convert.ToHexString(bytes.AsSpan(0, MinSize))}";
        }

        mark = new ModelMark(end, sender, step, index);
        kind = parts[5].StartsWith('t') ? MessageKind.Text : MessageKind.Binary;
        var expected = Create(seed, mark, bytes.Length, kind);
        var difference = expected.AsSpan().CommonPrefixLength(bytes);
        return difference == bytes.Length
            ? null
            : $"message {mark} with {bytes.Length} bytes of which the one at {difference} is not what was sent ({bytes[difference]:X2} instead of {expected[difference]:X2})";
    }
}
