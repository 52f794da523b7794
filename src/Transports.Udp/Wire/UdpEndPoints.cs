using System.Net;

namespace Transports.Udp;

/// <summary>The two ends of a channel, as they were when it was opened. UDP has no connection; these are where its datagrams go from and to.</summary>
internal sealed class UdpEndPoints(EndPoint? local, EndPoint? remote) : IConnectionEndPointFeature
{
    public EndPoint? LocalEndPoint { get; } = Shown(local);

    public EndPoint? RemoteEndPoint { get; } = Shown(remote);

    // What came over IPv4 to a socket for both families is shown as what it is.
    private static EndPoint? Shown(EndPoint? endPoint)
        => endPoint is IPEndPoint { Address.IsIPv4MappedToIPv6: true } ip ? new IPEndPoint(ip.Address.MapToIPv4(), ip.Port) : endPoint;
}
