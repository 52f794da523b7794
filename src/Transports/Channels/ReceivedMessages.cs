using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;

namespace Transports.Extensibility;

/// <summary>The messages that a channel has at hand: a table over one piece of memory, filled by the transport and drained by receives.</summary>
/// <remarks>A field of <see cref="MessageChannelBase"/>, handed to <see cref="MessageChannelBase.ReceiveCore"/> by reference, empty.</remarks>
[SuppressMessage("Performance", "CA1815:Override equals and operator equals on value types", Justification = "Never compared: a field passed by reference.")]
public struct ReceivedMessages
{
    internal byte[]? Array;
    internal MessageFrame[]? Frames;
    internal int Base;
    internal int Next;
    internal int Count;

    private ReadOnlyMemory<byte> _memory;
    private MessageFrame[]? _one;

    /// <summary>Nothing is left to drain.</summary>
    public readonly bool IsEmpty => Next == Count;

    /// <summary>One message.</summary>
    /// <param name="payload">Its payload; stays as it is until the next call of <see cref="MessageChannelBase.ReceiveCore"/> or <see cref="MessageChannelBase.WaitToReceiveCoreAsync"/>.</param>
    /// <param name="kind">Its kind.</param>
    public void Set(ReadOnlyMemory<byte> payload, MessageKind kind = MessageKind.Binary)
    {
        var frames = _one ??= new MessageFrame[1];
        if (MemoryMarshal.TryGetArray(payload, out var segment))
        {
            frames[0] = new MessageFrame(segment.Offset, segment.Count, kind);
            Set(segment.Array ?? [], 0, frames, 1);
            return;
        }

        _memory = payload;
        frames[0] = new MessageFrame(0, payload.Length, kind);
        Set(null!, 0, frames, 1);
    }

    internal void Set(byte[] array, int start, MessageFrame[] frames, int count)
    {
        Array = array;
        Base = start;
        Frames = frames;
        Next = 0;
        Count = count;
    }

    internal Message Take(MessageLoan loan)
    {
        ref readonly var frame = ref Frames![Next++];
        return Array is { } array
            ? loan.Lend(array, Base + frame.Offset, frame.Length, frame.Kind)
            : loan.Lend(_memory, frame.Kind);
    }

    internal void Clear()
    {
        Array = null;
        Frames = null;
        _memory = default;
        Next = Count = 0;
    }
}
