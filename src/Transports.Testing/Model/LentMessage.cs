using System.Buffers;

namespace Transports.Testing;

/// <summary>A message that was received and is lent, with the memory under it as it was handed out.</summary>
internal sealed record LentMessage(Message Message, ReadOnlySequence<byte> Memory, byte[] Expected)
{
    /// <summary>The memory still holds the message, whether or not the loan's guard allows looking at it.</summary>
    public bool IsIntact
    {
        get
        {
            var rest = Expected.AsSpan();
            foreach (var piece in Memory)
            {
                if (!rest.StartsWith(piece.Span))
                {
                    return false;
                }

                rest = rest[piece.Length..];
            }

            return rest.IsEmpty;
        }
    }
}
