using System.Net;
using System.Net.Sockets;

namespace Transports.Tcp;

/// <summary>The two ends, taken down once: a socket no longer tells when it is disposed.</summary>
internal sealed class SocketEnds(Socket socket) : IConnectionEndPointFeature
{
    public EndPoint? LocalEndPoint { get; } = socket.LocalEndPointOrNull();

    public EndPoint? RemoteEndPoint { get; } = socket.RemoteEndPointOrNull();
}
