using System.Net;
using System.Net.Sockets;

namespace Transports.Tcp;

/// <summary>A Unix socket's endpoint to bind. <see cref="Socket"/> deletes whatever stands at the path of a <see cref="UnixDomainSocketEndPoint"/> that it has bound, and does not know this one.</summary>
internal sealed class UnixListenEndPoint(UnixDomainSocketEndPoint endPoint) : EndPoint
{
    public override AddressFamily AddressFamily => AddressFamily.Unix;

    public override SocketAddress Serialize() => endPoint.Serialize();

    public override EndPoint Create(SocketAddress socketAddress) => endPoint.Create(socketAddress);

    public override string ToString() => endPoint.ToString();
}
