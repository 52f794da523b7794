using System.Net.Sockets;
using System.Runtime.InteropServices;
using static Transports.Udp.LinuxSocketCalls;

namespace Transports.Udp;

/// <summary>The calls themselves.</summary>
internal sealed unsafe class LinuxDatagramCalls : IDatagramCalls
{
    // A kernel's property, so one question is enough; asked of whichever socket comes first.
    private int _segmentation;

    private LinuxDatagramCalls()
    {
    }

    public static LinuxDatagramCalls Instance { get; } = new();

    public bool IsSupported => LinuxSocketCalls.IsSupported;

    public bool SupportsSegmentation(Socket socket)
    {
        if (_segmentation == 0)
        {
            _segmentation = HasOption(socket, UdpSegment) ? 1 : -1;
        }

        return _segmentation > 0;
    }

    public bool TryEnableReceiveOffload(Socket socket) => TryEnable(socket, SolUdp, UdpGro);

    public bool TryEnablePacketInfo(Socket socket)
    {
        if (socket.AddressFamily != AddressFamily.InterNetworkV6)
        {
            return TryEnable(socket, SolIp, IpPacketInfo);
        }

        // Of IPv4 in dual mode only the former says where to answer a broadcast from; the latter tells of both.
        TryEnable(socket, SolIp, IpPacketInfo);
        return TryEnable(socket, SolIpv6, Ipv6ReceivePacketInfo);
    }

    public int SendOne(SafeSocketHandle socket, MessageHeader* message)
    {
        // Two structures less for the kernel to copy and check, which shows in a round trip.
        var sent = message->ControlLength == 0 && message->VectorCount == 1
            ? SendTo(socket, message->Vectors->Base, message->Vectors->Length, DontWait, message->Name, message->NameLength)
            : LinuxSocketCalls.SendOne(socket, message, DontWait);
        if (sent < 0)
        {
            return -Marshal.GetLastPInvokeError();
        }

        message->Length = (uint)sent;
        return 1;
    }

    public int ReceiveOne(SafeSocketHandle socket, MessageHeader* message)
    {
        var received = LinuxSocketCalls.ReceiveOne(socket, message, DontWait);
        if (received < 0)
        {
            return -Marshal.GetLastPInvokeError();
        }

        message->Length = (uint)received;
        return 1;
    }

    public int SendMany(SafeSocketHandle socket, MessageHeader* messages, int count)
    {
        var sent = LinuxSocketCalls.SendMany(socket, messages, (uint)count, DontWait);
        return sent >= 0 ? sent : -Marshal.GetLastPInvokeError();
    }

    public int ReceiveMany(SafeSocketHandle socket, MessageHeader* messages, int count)
    {
        var received = LinuxSocketCalls.ReceiveMany(socket, messages, (uint)count, DontWait, null);
        return received >= 0 ? received : -Marshal.GetLastPInvokeError();
    }

    private static bool TryEnable(Socket socket, int level, int option)
    {
        try
        {
            socket.SetRawSocketOption(level, option, [1, 0, 0, 0]);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static bool HasOption(Socket socket, int option)
    {
        Span<byte> value = stackalloc byte[sizeof(int)];
        try
        {
            socket.GetRawSocketOption(SolUdp, option, value);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
