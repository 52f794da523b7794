using System.Globalization;
using System.Net;

namespace Transports;

/// <summary>What a <c>tcp</c>, <c>tls</c> or <c>unix</c> address says, checked.</summary>
internal sealed record TcpAddress(string Scheme, string Host, int Port, string? Path)
{
    public const string Tcp = "tcp";
    public const string Tls = "tls";
    public const string Unix = "unix";

    /// <summary>The port where the address has none.</summary>
    private const int NoPort = -1;

    public bool IsTls => Scheme == Tls;

    public static TcpAddress Parse(Uri address)
    {
        ArgumentNullException.ThrowIfNull(address);
        if (!address.IsAbsoluteUri)
        {
            throw new ArgumentException($"The address '{address}' has no scheme. Write it whole, such as tcp://localhost:5000.", nameof(address));
        }

        return address.Scheme switch
        {
            Unix => ParseUnix(address),
            Tcp or Tls => ParseNetwork(address),
            _ => throw new ArgumentException($"The TCP transport opens tcp, tls and unix addresses, not '{address.Scheme}'.", nameof(address)),
        };
    }

    /// <summary>The address of an end of a connection.</summary>
    public static Uri? ToUri(string scheme, EndPoint? endPoint)
    {
        if (endPoint is not IPEndPoint { Address: var ip, Port: var port })
        {
            return null;
        }

        // What comes over IPv4 to a socket for both families is shown as what it is.
        var shown = ip.IsIPv4MappedToIPv6 ? ip.MapToIPv4() : ip;
        return new Uri(string.Create(CultureInfo.InvariantCulture, $"{scheme}://{new IPEndPoint(shown, port)}"));
    }

    /// <summary>The address with a name, and the port that was bound.</summary>
    public static Uri ToUri(string scheme, string host, int port)
        => new(string.Create(CultureInfo.InvariantCulture, $"{scheme}://{host}:{port}"));

    public static Uri ToUnixUri(string path) => new($"{Unix}://{(path.StartsWith('/') ? "" : "/")}{path.Replace("%", "%25", StringComparison.Ordinal).Replace("#", "%23", StringComparison.Ordinal).Replace("?", "%3F", StringComparison.Ordinal)}");

    private static TcpAddress ParseUnix(Uri address)
    {
        if (address.Authority.Length > 0)
        {
            throw new ArgumentException(
                $"A Unix domain socket's address has three slashes and an absolute path, such as unix:///run/app.sock; '{address}' has a host, '{address.Authority}'.",
                nameof(address));
        }

        var path = Uri.UnescapeDataString(address.AbsolutePath);
        if (path.Length < 2)
        {
            throw new ArgumentException($"'{address}' has no path. Write one, such as unix:///run/app.sock.", nameof(address));
        }

        return new TcpAddress(Unix, "", NoPort, path);
    }

    private static TcpAddress ParseNetwork(Uri address)
    {
        if (address.AbsolutePath.Length > 1 || address.Query.Length > 0 || address.Fragment.Length > 0)
        {
            throw new ArgumentException(
                $"A {address.Scheme} address is a host and a port, such as {address.Scheme}://localhost:5000; '{address}' has more after them.",
                nameof(address));
        }

        var host = address.HostNameType == UriHostNameType.Dns ? address.IdnHost : address.DnsSafeHost;
        var port = address.Port;
        if (host.Length == 0)
        {
            throw new ArgumentException($"'{address}' has no host. Write one, such as {address.Scheme}://localhost:5000.", nameof(address));
        }

        if (port == NoPort)
        {
            throw new ArgumentException(
                $"'{address}' has no port, and {address.Scheme} has no usual one. Write one from 1 to 65535, such as {address.Scheme}://{host}:5000; 0 asks a listener for a free port.",
                nameof(address));
        }

        return new TcpAddress(address.Scheme, host, port, null);
    }
}
