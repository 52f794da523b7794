using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Transports.Extensibility;

namespace Transports;

/// <summary>Addresses of the form <c>quic://host:port</c>.</summary>
internal static class QuicAddresses
{
    public static Uri ToUri(IPEndPoint endPoint)
    {
        var address = endPoint.Address.IsIPv4MappedToIPv6 ? endPoint.Address.MapToIPv4() : endPoint.Address;
        var host = address.AddressFamily == AddressFamily.InterNetworkV6 ? $"[{address}]" : address.ToString();
        return new Uri(string.Create(CultureInfo.InvariantCulture, $"quic://{host}:{endPoint.Port}"));
    }

    public static void Check(Uri address, bool portRequired)
    {
        ArgumentNullException.ThrowIfNull(address);
        if (!address.IsAbsoluteUri || !address.Scheme.Equals("quic", StringComparison.OrdinalIgnoreCase))
        {
            throw new ArgumentException($"'{AddressText.Of(address)}' is not a QUIC address. Write quic://host:port.", nameof(address));
        }

        if (address.Host.Length == 0 || address.Port < 0 || (portRequired && address.Port == 0))
        {
            throw new ArgumentException($"'{AddressText.Of(address)}' lacks a host or a port. Write quic://host:port{(portRequired ? "" : ", with port 0 for any free one")}.", nameof(address));
        }

        AddressText.ThrowIfUserInfo(address, "tell the peer who you are in a message", nameof(address));
    }

    /// <summary>The addresses of the host, in the order to try them; a listener takes the first.</summary>
    public static async ValueTask<IPAddress[]> ResolveAsync(Uri address, CancellationToken cancellationToken)
    {
        var host = address.IdnHost;
        if (IPAddress.TryParse(host, out var literal))
        {
            return [literal];
        }

        if (host.Equals("localhost", StringComparison.OrdinalIgnoreCase))
        {
            return [IPAddress.Loopback, IPAddress.IPv6Loopback];
        }

        try
        {
            return await Dns.GetHostAddressesAsync(host, cancellationToken).ConfigureAwait(false);
        }
        catch (SocketException e)
        {
            throw new TransportException($"The name '{host}' could not be resolved. {e.Message}", e);
        }
    }
}
