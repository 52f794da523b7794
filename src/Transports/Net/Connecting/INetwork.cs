using System.Net;
using System.Net.Sockets;

namespace Transports.Engine;

/// <summary>What connecting asks of the network; tests put their own in its place.</summary>
internal interface INetwork
{
    /// <summary>The addresses of a name, best first.</summary>
    Task<IPAddress[]> ResolveAsync(string host, CancellationToken cancellationToken);

    /// <summary>A socket connected to an address. Leaves nothing open when it fails or is cancelled.</summary>
    Task<Socket> ConnectAsync(EndPoint endPoint, CancellationToken cancellationToken);
}
