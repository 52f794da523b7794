using System.Diagnostics.CodeAnalysis;

namespace Transports.Extensibility;

/// <summary>What a codec found in one call: a table of messages, or one thing of the protocol's own, and how far it got.</summary>
/// <remarks>A field of the channel's reader, handed to the codec by reference; its table is drained before the next call.</remarks>
[SuppressMessage("Performance", "CA1815:Override equals and operator equals on value types", Justification = "Never compared: a field passed by reference.")]
public struct CodecRead
{
    /// <summary>How many messages one call finds at most.</summary>
    public const int MaxMessages = 64;

    internal MessageFrame[] Frames;
    internal byte[]? OwnedArray;

    /// <summary>How many messages are in the table.</summary>
    public int Count { get; internal set; }

    /// <summary>How many bytes at the input's beginning are done with. Messages in the table lie in them.</summary>
    public int Consumed { get; set; }

    /// <summary>How many bytes beyond the input the next frame is known to lack, as a hint for the size of the next read; 0 when unknown.</summary>
    public int BytesNeeded { get; set; }

    /// <summary>How many bytes at the input's beginning <see cref="MessageCodec.Scan"/> has seen: what asks for an answer within them has been answered.</summary>
    public int Scanned { get; internal set; }

    /// <summary>With <see cref="ReadStatus.Reply"/>: what is to be given back to <see cref="MessageCodec.WriteReply"/>, at most 125 bytes. Stays as it is until the next call.</summary>
    public ReadOnlyMemory<byte> Reply { get; set; }

    /// <summary>With <see cref="ReadStatus.Closed"/>: how the peer has closed.</summary>
    public ChannelCloseInfo? Close { get; set; }

    /// <summary>The table is full: return.</summary>
    public readonly bool IsFull => Count == Frames.Length;

    /// <summary>Adds a message that lies in the input as it is.</summary>
    /// <param name="offset">Where in the input its payload begins.</param>
    /// <param name="length">The payload's length in bytes.</param>
    /// <param name="kind">Its kind.</param>
    public void Add(int offset, int length, MessageKind kind) => Frames[Count++] = new MessageFrame(offset, length, kind);

    /// <summary>The one message of this call, which lies in memory of the codec's own: joined, inflated or decoded.</summary>
    /// <param name="array">The memory; stays as it is until the next call.</param>
    /// <param name="offset">Where the payload begins.</param>
    /// <param name="length">The payload's length in bytes.</param>
    /// <param name="kind">Its kind.</param>
    /// <exception cref="InvalidOperationException">There are messages in the table: return those first, without consuming this one.</exception>
    public void SetOwned(byte[] array, int offset, int length, MessageKind kind)
    {
        ArgumentNullException.ThrowIfNull(array);
        if (Count > 0)
        {
            throw new InvalidOperationException("A message in the codec's own memory is alone in its table.");
        }

        OwnedArray = array;
        Frames[0] = new MessageFrame(offset, length, kind);
        Count = 1;
    }

    internal void Clear(int scanned)
    {
        Count = Consumed = BytesNeeded = 0;
        OwnedArray = null;
        Reply = default;
        Close = null;
        Scanned = scanned;
    }
}
