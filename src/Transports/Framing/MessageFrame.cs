using System.Runtime.InteropServices;

namespace Transports.Engine;

/// <summary>Where a message's payload lies in what was read: an entry of the table that a receive drains.</summary>
[StructLayout(LayoutKind.Auto)]
internal readonly struct MessageFrame(int offset, int length, MessageKind kind)
{
    // The length takes 31 bits; the kind has the one above.
    private readonly uint _lengthAndKind = (uint)length | ((uint)kind << 31);

    public int Offset { get; } = offset;

    public int Length => (int)(_lengthAndKind & int.MaxValue);

    public MessageKind Kind => (MessageKind)(_lengthAndKind >> 31);
}
