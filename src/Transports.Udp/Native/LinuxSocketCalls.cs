using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Transports.Udp;

/// <summary>The Linux calls that carry several datagrams at once: sendmmsg(2), recvmmsg(2), and the options UDP_SEGMENT and UDP_GRO of udp(7).</summary>
/// <remarks>The layouts are those of 64-bit little-endian Linux, the same for glibc and musl; <see cref="IsSupported"/> says whether this process is one.</remarks>
internal static unsafe partial class LinuxSocketCalls
{
    public const int SolUdp = 17;
    public const int UdpSegment = 103;
    public const int UdpGro = 104;

    public const int Interrupted = 4;
    public const int WouldBlock = 11;
    public const int BadDescriptor = 9;
    public const int IoError = 5;
    public const int Invalid = 22;
    public const int NoSuchCall = 38;
    public const int NotASocket = 88;
    public const int MessageTooLong = 90;
    public const int NotSupported = 95;
    public const int AddressNotAvailable = 99;
    public const int NetworkDown = 100;
    public const int NetworkUnreachable = 101;
    public const int ConnectionRefused = 111;
    public const int HostUnreachable = 113;

    public const int DontWait = 0x40;

    public const int SolIp = 0;
    public const int IpPacketInfo = 8;
    public const int InPacketInfoLength = 12;
    public const int SolIpv6 = 41;
    public const int Ipv6ReceivePacketInfo = 49;
    public const int Ipv6PacketInfo = 50;
    public const int In6PacketInfoLength = 20;

    /// <summary>The length of a control message header, 16, and of one with up to eight bytes of data.</summary>
    public const int ControlHeaderLength = 16;
    public const int ControlLength = 24;

    private const int IpMulticastAll = 49;
    private const int Ipv6MulticastAll = 29;
    private const int SolSocket = 1;
    private const int SoMemInfo = 55;

    public static bool IsSupported { get; } = OperatingSystem.IsLinux() && sizeof(nint) == 8 && BitConverter.IsLittleEndian;

    [LibraryImport("libc", EntryPoint = "sendmmsg", SetLastError = true)]
    public static partial int SendMany(SafeSocketHandle socket, MessageHeader* messages, uint count, int flags);

    [LibraryImport("libc", EntryPoint = "recvmmsg", SetLastError = true)]
    public static partial int ReceiveMany(SafeSocketHandle socket, MessageHeader* messages, uint count, int flags, void* timeout);

    // The one-message calls take the first part of struct mmsghdr, which is a struct msghdr.
    [LibraryImport("libc", EntryPoint = "sendmsg", SetLastError = true)]
    public static partial nint SendOne(SafeSocketHandle socket, MessageHeader* message, int flags);

    [LibraryImport("libc", EntryPoint = "recvmsg", SetLastError = true)]
    public static partial nint ReceiveOne(SafeSocketHandle socket, MessageHeader* message, int flags);

    [LibraryImport("libc", EntryPoint = "sendto", SetLastError = true)]
    public static partial nint SendTo(SafeSocketHandle socket, byte* data, nuint length, int flags, byte* name, uint nameLength);

    /// <summary>
    /// Linux hands a socket on a wildcard address the datagrams of every group that any program of the machine has joined, unless
    /// told otherwise (ip(7), IP_MULTICAST_ALL). A kernel that does not know the option goes on so.
    /// </summary>
    public static void HearJoinedGroupsOnly(Socket socket)
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        TrySwitchOff(socket, SolIp, IpMulticastAll);
        if (socket.AddressFamily == AddressFamily.InterNetworkV6)
        {
            TrySwitchOff(socket, SolIpv6, Ipv6MulticastAll);
        }
    }

    /// <summary>How many packets the kernel dropped for want of room in this socket's buffer; 0 where it does not say.</summary>
    /// <remarks>It adds one for a packet of joined datagrams, too: <c>__udp_enqueue_schedule_skb</c> in Linux 6.18 does not look at their number.</remarks>
    public static long ReadKernelDrops(Socket socket)
    {
        if (!IsSupported)
        {
            return 0;
        }

        // SK_MEMINFO_VARS numbers of 32 bits; drops are the ninth.
        Span<byte> info = stackalloc byte[9 * sizeof(uint)];
        try
        {
            return socket.GetRawSocketOption(SolSocket, SoMemInfo, info) < info.Length ? 0 : MemoryMarshal.Read<uint>(info[32..]);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            return 0;
        }
    }

    public static SocketException ToException(int errno) => new((int)(errno switch
    {
        ConnectionRefused => SocketError.ConnectionRefused,
        HostUnreachable => SocketError.HostUnreachable,
        NetworkUnreachable => SocketError.NetworkUnreachable,
        NetworkDown => SocketError.NetworkDown,
        BadDescriptor or NotASocket => SocketError.NotSocket,
        _ => SocketError.SocketError,
    }));

    private static void TrySwitchOff(Socket socket, int level, int option)
    {
        try
        {
            socket.SetRawSocketOption(level, option, [0, 0, 0, 0]);
        }
        catch (SocketException)
        {
            // Before Linux 4.20 for IPv6.
        }
    }

    /// <summary>struct mmsghdr.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 64)]
    public struct MessageHeader
    {
        [FieldOffset(0)]
        public byte* Name;

        [FieldOffset(8)]
        public uint NameLength;

        [FieldOffset(16)]
        public Vector* Vectors;

        [FieldOffset(24)]
        public nuint VectorCount;

        [FieldOffset(32)]
        public byte* Control;

        [FieldOffset(40)]
        public nuint ControlLength;

        [FieldOffset(48)]
        public int Flags;

        [FieldOffset(56)]
        public uint Length;
    }

    /// <summary>struct iovec.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct Vector
    {
        public byte* Base;
        public nuint Length;
    }
}
