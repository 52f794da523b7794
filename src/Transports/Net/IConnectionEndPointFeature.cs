using System.Net;

namespace Transports;

/// <summary>The two ends of the connection under a channel, through <see cref="IMessageChannel.GetFeature{TFeature}"/>; absent where there is no network, or this side cannot see it.</summary>
/// <remarks>Several channels may share a connection. Behind a proxy, the other end is the proxy.</remarks>
public interface IConnectionEndPointFeature
{
    /// <summary>This end of the connection, as it was when it was opened. For a Unix domain socket that has connected, an endpoint without a path.</summary>
    EndPoint? LocalEndPoint { get; }

    /// <summary>The other end: the address that was reached, of those that the name had.</summary>
    EndPoint? RemoteEndPoint { get; }
}
