using System.Buffers.Binary;
using System.Net;
using static Transports.Udp.LinuxSocketCalls;

namespace Transports.Udp;

/// <summary>The address of this machine that a datagram was sent to, in the form of IPv6; all zero where it is not known or is a group.</summary>
/// <param name="High">The upper half, in the wire's order of bytes.</param>
/// <param name="Low">The lower half; of an IPv4 address, ::ffff:0:0/96.</param>
/// <param name="Interface">The interface it came through, of a link-local address only: which means nothing without it.</param>
internal readonly record struct LocalIP(ulong High, ulong Low, int Interface)
{
    /// <summary>The longest that <see cref="WriteControl"/> writes: a header and in6_pktinfo, rounded up to eight bytes.</summary>
    public const int MaxControlLength = 40;

    private const int IPv4ControlLength = 32;

    // ::ffff:0:0/96, as a little-endian machine reads it.
    private const ulong MappedPrefix = 0xFFFF_0000;

    public bool IsKnown => (High | Low) != 0;

    private bool IsIPv4 => High == 0 && (uint)Low == MappedPrefix;

    /// <summary>From ipi_spec_dst of struct in_pktinfo: where the kernel would answer from. Of a group or a broadcast that is the interface's own address.</summary>
    public static LocalIP FromIPv4(uint specificDestination)
        => specificDestination == 0 ? default : new LocalIP(0, MappedPrefix | ((ulong)specificDestination << 32), 0);

    /// <summary>From struct in6_pktinfo: the destination of the header, which may be a group; nothing can be sent from one.</summary>
    public static LocalIP FromIPv6(ReadOnlySpan<byte> address, int interfaceIndex)
    {
        var isGroup = address[0] == 0xFF;
        var isLinkLocal = address[0] == 0xFE && (address[1] & 0xC0) == 0x80;
        return isGroup
            ? default
            : new LocalIP(BinaryPrimitives.ReadUInt64LittleEndian(address), BinaryPrimitives.ReadUInt64LittleEndian(address[8..]), isLinkLocal ? interfaceIndex : 0);
    }

    public IPAddress ToIPAddress()
    {
        Span<byte> bytes = stackalloc byte[16];
        Write(bytes);
        return IsIPv4 ? new IPAddress(bytes[12..]) : Interface != 0 ? new IPAddress(bytes, Interface) : new IPAddress(bytes);
    }

    /// <summary>Writes the control message that has a datagram sent from this address (ip(7), IP_PKTINFO; RFC 3542, section 6).</summary>
    /// <returns>How many bytes it takes; 0 where the address is not known.</returns>
    public int WriteControl(Span<byte> control)
    {
        if (!IsKnown)
        {
            return 0;
        }

        control[..MaxControlLength].Clear();
        Span<byte> bytes = stackalloc byte[16];
        Write(bytes);
        if (IsIPv4)
        {
            // struct in_pktinfo { int interface; in_addr specific_destination; in_addr address; }: routing finds the interface.
            WriteHeader(control, InPacketInfoLength, SolIp, IpPacketInfo);
            bytes[12..].CopyTo(control[(ControlHeaderLength + 4)..]);
            return IPv4ControlLength;
        }

        // struct in6_pktinfo { in6_addr address; int interface; }
        WriteHeader(control, In6PacketInfoLength, SolIpv6, Ipv6PacketInfo);
        bytes.CopyTo(control[ControlHeaderLength..]);
        BinaryPrimitives.WriteInt32LittleEndian(control[(ControlHeaderLength + 16)..], Interface);
        return MaxControlLength;
    }

    private static void WriteHeader(Span<byte> control, int length, int level, int type)
    {
        BinaryPrimitives.WriteInt64LittleEndian(control, ControlHeaderLength + length);
        BinaryPrimitives.WriteInt32LittleEndian(control[8..], level);
        BinaryPrimitives.WriteInt32LittleEndian(control[12..], type);
    }

    private void Write(Span<byte> bytes)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, High);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[8..], Low);
    }
}
