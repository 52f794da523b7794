using System.Net;
using System.Net.Sockets;

namespace Transports;

/// <summary>The operating system's names and sockets.</summary>
internal sealed class SocketDialer : ISocketDialer
{
    public static SocketDialer Instance { get; } = new();

    public Task<IPAddress[]> ResolveAsync(string host, CancellationToken cancellationToken)
    {
        if (IPAddress.TryParse(host, out var literal))
        {
            return Task.FromResult<IPAddress[]>([literal]);
        }

        if (IsLocalhost(host))
        {
            // RFC 6761, section 6.3: this name is the loopback, whatever a resolver thinks. IPv4 first, as a listener on
            // localhost always has that one.
            return Task.FromResult<IPAddress[]>(Socket.OSSupportsIPv6 ? [IPAddress.Loopback, IPAddress.IPv6Loopback] : [IPAddress.Loopback]);
        }

        return Dns.GetHostAddressesAsync(host, cancellationToken);
    }

    public async Task<Socket> ConnectAsync(EndPoint endPoint, CancellationToken cancellationToken)
    {
        var protocol = endPoint is UnixDomainSocketEndPoint ? ProtocolType.Unspecified : ProtocolType.Tcp;
        var socket = new Socket(endPoint.AddressFamily, SocketType.Stream, protocol);
        try
        {
            await socket.ConnectAsync(endPoint, cancellationToken).ConfigureAwait(false);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    public static bool IsLocalhost(string host) => host.Equals("localhost", StringComparison.OrdinalIgnoreCase);
}
