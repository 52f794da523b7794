using System.Net.Sockets;
using System.Runtime.InteropServices;
using static Transports.LinuxSocketCalls;

namespace Transports;

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

    public bool TryEnableReceiveOffload(Socket socket)
    {
        try
        {
            socket.SetRawSocketOption(SolUdp, UdpGro, [1, 0, 0, 0]);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
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
