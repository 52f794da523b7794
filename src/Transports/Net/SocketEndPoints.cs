using System.Net;
using System.Net.Sockets;

namespace Transports.Engine;

/// <summary>A socket's endpoints, asked for without fear: a peer that has reset the connection already makes the properties throw.</summary>
internal static class SocketEndPoints
{
    public static EndPoint? LocalEndPointOrNull(this Socket socket) => OrNull(static socket => socket.LocalEndPoint, socket);

    public static EndPoint? RemoteEndPointOrNull(this Socket socket) => OrNull(static socket => socket.RemoteEndPoint, socket);

    private static EndPoint? OrNull(Func<Socket, EndPoint?> get, Socket socket)
    {
        try
        {
            return get(socket);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            return null;
        }
    }
}
