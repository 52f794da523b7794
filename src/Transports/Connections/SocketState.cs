using System.Net.Sockets;

namespace Transports.Engine;

/// <summary>What a connected socket tells of its connection without reading or writing.</summary>
internal static class SocketState
{
    // Linux: getsockopt(IPPROTO_TCP, TCP_INFO); its first byte is the state, and 7 is TCP_CLOSE: reset, where no side has closed. A peer that has only finished sending leaves 8, TCP_CLOSE_WAIT.
    private const int ProtocolTcp = 6;
    private const int TcpInfo = 11;
    private const byte TcpClose = 7;

    /// <summary>The connection is known to be broken: its error waits to be taken by a read or a write.</summary>
    public static bool IsBroken(Socket socket)
    {
        try
        {
            return socket.Poll(0, SelectMode.SelectError);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            return true;
        }
    }

    /// <summary>The connection was reset, whoever has taken the error. On Linux and for TCP; elsewhere unknown, which is <see langword="false"/>.</summary>
    public static bool IsReset(Socket socket)
    {
        if (!OperatingSystem.IsLinux() || socket.ProtocolType != ProtocolType.Tcp)
        {
            return false;
        }

        try
        {
            Span<byte> info = stackalloc byte[8];
            return socket.GetRawSocketOption(ProtocolTcp, TcpInfo, info) > 0 && info[0] == TcpClose;
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            return false;
        }
    }
}
