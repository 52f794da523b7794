using System.Buffers.Binary;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Transports;

/// <summary>A peer's address and port, read from a native socket address without allocating.</summary>
/// <remarks>Hashed with the process's random seed, so that addresses cannot be chosen to collide.</remarks>
internal readonly record struct PeerKey(ulong High, ulong Low, uint Scope, ushort Port)
{
    /// <summary>Reads sockaddr_in or sockaddr_in6: port at 2, address at 4 or 8, scope at 24.</summary>
    public static PeerKey Read(ReadOnlySpan<byte> address, AddressFamily family)
    {
        var port = BinaryPrimitives.ReadUInt16BigEndian(address[2..]);
        return family == AddressFamily.InterNetworkV6
            ? new PeerKey(MemoryMarshal.Read<ulong>(address[8..]), MemoryMarshal.Read<ulong>(address[16..]), MemoryMarshal.Read<uint>(address[24..]), port)
            : new PeerKey(0, MemoryMarshal.Read<uint>(address[4..]), 0, port);
    }
}
