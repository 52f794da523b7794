using System.Buffers;

namespace Transports.Testing;

/// <summary>Builds payloads that lie in several pieces of memory.</summary>
internal sealed class Pieces : ReadOnlySequenceSegment<byte>
{
    public static ReadOnlySequence<byte> Of(params ReadOnlySpan<byte[]> parts)
    {
        var first = new Pieces { Memory = parts[0] };
        var last = first;
        foreach (var part in parts[1..])
        {
            var next = new Pieces { Memory = part, RunningIndex = last.RunningIndex + last.Memory.Length };
            last.Next = next;
            last = next;
        }

        return new ReadOnlySequence<byte>(first, 0, last, last.Memory.Length);
    }
}
