using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Transports.Extensibility;

namespace Transports;

/// <summary>Addresses of the form <c>udp://host:port</c>.</summary>
internal static class UdpAddresses
{
    public static Uri ToUri(IPEndPoint endPoint)
    {
        var address = endPoint.Address.IsIPv4MappedToIPv6 ? endPoint.Address.MapToIPv4() : endPoint.Address;
        var host = address.AddressFamily == AddressFamily.InterNetworkV6 ? $"[{address}]" : address.ToString();
        return new Uri(string.Create(CultureInfo.InvariantCulture, $"udp://{host}:{endPoint.Port}"));
    }

    /// <summary>Refuses an address that is not of this form.</summary>
    public static void Check(Uri address, bool portRequired)
    {
        ArgumentNullException.ThrowIfNull(address);
        if (!address.IsAbsoluteUri || !address.Scheme.Equals("udp", StringComparison.OrdinalIgnoreCase))
        {
            throw new ArgumentException($"'{AddressText.Of(address)}' is not a UDP address. Write udp://host:port.", nameof(address));
        }

        if (address.Host.Length == 0 || address.Port < 0 || (portRequired && address.Port == 0))
        {
            throw new ArgumentException($"'{AddressText.Of(address)}' lacks a host or a port. Write udp://host:port{(portRequired ? "" : ", with port 0 for any free one")}.", nameof(address));
        }

        AddressText.ThrowIfUserInfo(address, "tell the peer who you are in a message", nameof(address));
    }

    /// <summary>The addresses to connect to, in the order to try them.</summary>
    public static async ValueTask<IPAddress[]> ResolveAsync(Uri address, bool preferIPv6, CancellationToken cancellationToken)
    {
        var host = address.IdnHost;
        if (IPAddress.TryParse(host, out var literal))
        {
            return [literal];
        }

        if (host.Equals("localhost", StringComparison.OrdinalIgnoreCase))
        {
            return preferIPv6 ? [IPAddress.IPv6Loopback, IPAddress.Loopback] : [IPAddress.Loopback, IPAddress.IPv6Loopback];
        }

        try
        {
            cancellationToken.ThrowIfCancellationRequested();
            var found = await Dns.GetHostAddressesAsync(host, cancellationToken).ConfigureAwait(false);
            var first = preferIPv6 ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork;
            return found.OrderBy(one => one.AddressFamily == first ? 0 : 1).ToArray();
        }
        catch (SocketException e)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw new TransportException($"The name '{host}' could not be resolved. {e.Message}", e);
        }
    }
}
