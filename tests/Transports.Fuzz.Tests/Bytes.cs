using System.Buffers.Binary;

namespace Transports.Fuzz.Tests;

/// <summary>Payloads, and what may happen to bytes on their way.</summary>
internal static class Bytes
{
    private static readonly byte[] Telling = [0, 1, 0x0A, 0x0D, 0x1F, 0x20, 0x3A, 0x7E, 0x7F, 0x80, 0x81, 0x88, 0x89, 0xC0, 0xEF, 0xFE, 0xFF];

    private static readonly uint[] TellingNumbers = [0, 1, 0x7D, 0x7E, 0x7F, 0x80, 0xFFFF, 0x10000, 4095, 4096, 4097, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF];

    /// <summary>A payload: mostly short, sometimes of a size at which a limit stands, of bytes that mean something to some decoder.</summary>
    public static byte[] Some(Random random, int? size = null)
    {
        var length = size ?? random.Next(12) switch
        {
            0 => 0,
            1 => random.Next(120, 135),
            2 => FuzzRun.MaxMessageSize,
            3 => FuzzRun.MaxMessageSize - random.Next(3),
            4 => FuzzRun.MaxMessageSize + 1,
            5 => random.Next(2000),
            _ => random.Next(1, 40),
        };
        var bytes = new byte[length];
        if (random.Next(3) == 0)
        {
            random.NextBytes(bytes);
        }
        else
        {
            for (var i = 0; i < length; i++)
            {
                bytes[i] = random.Next(20) == 0 ? Telling[random.Next(Telling.Length)] : (byte)random.Next(0x20, 0x7F);
            }
        }

        return bytes;
    }

    /// <summary>Changes some of the bytes, in one or a few places; half of the time nothing.</summary>
    public static byte[] Spoil(Random random, byte[] input)
    {
        var bytes = new List<byte>(input);
        for (var i = random.Next(2) == 0 ? 0 : random.Next(1, 5); i > 0 && bytes.Count > 0; i--)
        {
            var at = random.Next(bytes.Count);
            switch (random.Next(8))
            {
                case 0:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 1:
                    bytes[at] = Telling[random.Next(Telling.Length)];
                    break;
                case 2:
                    bytes.Insert(at, Telling[random.Next(Telling.Length)]);
                    break;
                case 3:
                    bytes.RemoveRange(at, random.Next(1, Math.Min(9, bytes.Count - at + 1)));
                    break;
                case 4:
                    bytes.RemoveRange(at, bytes.Count - at);
                    break;
                case 5:
                    bytes.InsertRange(at, bytes.GetRange(at, random.Next(1, Math.Min(33, bytes.Count - at + 1))));
                    break;
                case 6:
                    var number = new byte[sizeof(uint)];
                    BinaryPrimitives.WriteUInt32BigEndian(number, TellingNumbers[random.Next(TellingNumbers.Length)]);
                    for (var k = 0; k < number.Length && at + k < bytes.Count; k++)
                    {
                        bytes[at + k] = number[k];
                    }

                    break;
                default:
                    bytes.InsertRange(at, Some(random, random.Next(1, 20)));
                    break;
            }
        }

        return [.. bytes];
    }
}
