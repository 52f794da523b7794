using System.Buffers.Binary;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Transports.Udp;

/// <summary>A peer: its address and port, read from a native socket address without allocating, and the address of this machine that it speaks to.</summary>
/// <param name="High">The upper half of an IPv6 address.</param>
/// <param name="Low">The lower half, or an IPv4 address.</param>
/// <param name="Scope">The zone of a link-local address.</param>
/// <param name="Port">The port.</param>
/// <param name="Local">What the peer sent to, where the listener has several addresses: answers from another would not be taken for answers.</param>
internal readonly record struct PeerKey(ulong High, ulong Low, uint Scope, ushort Port, LocalIP Local)
{
    /// <summary>Reads sockaddr_in or sockaddr_in6: port at 2, address at 4 or 8, scope at 24.</summary>
    public static PeerKey Read(ReadOnlySpan<byte> address, AddressFamily family, LocalIP local)
    {
        var port = BinaryPrimitives.ReadUInt16BigEndian(address[2..]);
        return family == AddressFamily.InterNetworkV6
            ? new PeerKey(MemoryMarshal.Read<ulong>(address[8..]), MemoryMarshal.Read<ulong>(address[16..]), MemoryMarshal.Read<uint>(address[24..]), port, local)
            : new PeerKey(0, MemoryMarshal.Read<uint>(address[4..]), 0, port, local);
    }

    /// <summary>
    /// With the process's random seed, so that addresses cannot be chosen to collide: the compiler's own combination has none. All that a peer
    /// chooses goes in as 32 bits each, as a 64-bit number's own hash code would fold it first, without any seed.
    /// </summary>
    public override int GetHashCode()
        => HashCode.Combine((uint)High, (uint)(High >> 32), (uint)Low, (uint)(Low >> 32), Scope, Port, Local.High, Local.Low);
}
