using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Transports.Extensibility;

/// <summary>An address of the form <c>scheme://host:port</c>, taken apart and checked; and what hosts mean, for every transport on a network.</summary>
/// <remarks>
/// <c>localhost</c> is the loopback, whatever a resolver thinks (RFC 6761, section 6.3). A client tries 127.0.0.1, then ::1. A listener that
/// can have several sockets has both, on the same port (127.0.0.1 alone where the machine has no IPv6); one that has a single
/// socket, as UDP and QUIC do, has 127.0.0.1. An IPv6 address keeps its zone, as in <c>tcp://[fe80::1%eth0]:5000</c> (RFC 4007, section 11).
/// </remarks>
/// <param name="Scheme">The scheme, in lower case.</param>
/// <param name="Host">The name in its ASCII form, or the IP address without brackets and with its zone.</param>
/// <param name="Port">The port; 0 is for listeners, which then get a free one.</param>
public sealed record HostAddress(string Scheme, string Host, int Port)
{
    /// <summary>The name of the loopback.</summary>
    public const string Localhost = "localhost";

    private const int NoPort = -1;

    /// <summary>Whether <see cref="Host"/> is <c>localhost</c>.</summary>
    public bool IsLocalhost => IsLocalhostName(Host);

    /// <summary>Takes an address apart.</summary>
    /// <param name="address">The address: a scheme, a host and a port, and nothing after them.</param>
    /// <param name="scheme">The scheme it must have; by default any.</param>
    /// <exception cref="ArgumentException">It lacks one of these, or has more; the message says which.</exception>
    public static HostAddress Parse(Uri address, string? scheme = null)
    {
        ArgumentNullException.ThrowIfNull(address);
        if (!address.IsAbsoluteUri || (scheme is not null && address.Scheme != scheme))
        {
            throw new ArgumentException($"'{AddressText.Of(address)}' is no {scheme ?? "absolute"} address. Write it whole, such as {scheme ?? "tcp"}://localhost:5000.", nameof(address));
        }

        if (address.Host.Length == 0)
        {
            throw new ArgumentException($"'{AddressText.Of(address)}' has no host. Write one, such as {address.Scheme}://localhost:5000.", nameof(address));
        }

        AddressText.ThrowIfUserInfo(address, "tell the peer who you are in a message, or by a TLS certificate", nameof(address));
        if (address.AbsolutePath.Length > 1 || address.Query.Length > 0 || address.Fragment.Length > 0)
        {
            throw new ArgumentException(
                $"A {address.Scheme} address is a host and a port, such as {address.Scheme}://localhost:5000; '{AddressText.Of(address)}' has more after them.",
                nameof(address));
        }

        // IdnHost has the zone of an IPv6 address, which Host leaves out.
        return address.Port != NoPort
            ? new HostAddress(address.Scheme, address.IdnHost, address.Port)
            : throw new ArgumentException(
                $"'{AddressText.Of(address)}' has no port, and {address.Scheme} has no usual one. Write one from 1 to 65535, such as {address.Scheme}://{address.Host}:5000; 0 asks a listener for a free port.",
                nameof(address));
    }

    /// <summary>The same, for connecting: the port must be the server's.</summary>
    /// <param name="address">The address.</param>
    /// <param name="scheme">The scheme it must have; by default any.</param>
    /// <exception cref="ArgumentException">As for <see cref="Parse"/>; or the port is 0.</exception>
    public static HostAddress ParseForConnect(Uri address, string? scheme = null)
    {
        var parsed = Parse(address, scheme);
        return parsed.Port != 0
            ? parsed
            : throw new ArgumentException($"Cannot connect to '{AddressText.Of(address)}': write the port of the server; port 0 is for listening.", nameof(address));
    }

    /// <summary>Whether a host is <c>localhost</c>.</summary>
    /// <param name="host">The host.</param>
    public static bool IsLocalhostName(string host)
    {
        ArgumentNullException.ThrowIfNull(host);
        return host.Equals(Localhost, StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>The addresses of the loopback on this machine, in the order to try them.</summary>
    public static IPAddress[] LoopbackAddresses()
        => Socket.OSSupportsIPv6 ? [IPAddress.Loopback, IPAddress.IPv6Loopback] : [IPAddress.Loopback];

    /// <summary>The addresses of a host, in the order in which the system would try them: its own for an IP address, the loopback for <c>localhost</c>, else what the resolver says.</summary>
    /// <param name="host">A name, or an IP address without brackets.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="SocketException">The name was not found.</exception>
    public static Task<IPAddress[]> ResolveAsync(string host, CancellationToken cancellationToken)
    {
        if (IPAddress.TryParse(host, out var literal))
        {
            return Task.FromResult<IPAddress[]>([literal]);
        }

        return IsLocalhostName(host) ? Task.FromResult(LoopbackAddresses()) : Dns.GetHostAddressesAsync(host, cancellationToken);
    }

    /// <summary>The addresses of the host to connect to, in the order to try them.</summary>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="TransportException">The name was not found, or has no address.</exception>
    public async Task<IPAddress[]> ResolveAsync(CancellationToken cancellationToken)
    {
        try
        {
            var found = await ResolveAsync(Host, cancellationToken).ConfigureAwait(false);
            return found.Length > 0 ? found : throw Unresolved($"The name '{Host}' has no addresses.", null);
        }
        catch (SocketException e)
        {
            throw Unresolved($"The name '{Host}' was not found ({e.Message}).", e);
        }
    }

    /// <summary>The IP address to listen at, for a listener with a single socket: <c>localhost</c> is 127.0.0.1.</summary>
    /// <exception cref="ArgumentException">The host is another name, which may have any number of addresses, none of them this machine's.</exception>
    public IPAddress ToListenAddress()
    {
        if (IPAddress.TryParse(Host, out var literal))
        {
            return literal;
        }

        return IsLocalhost
            ? IPAddress.Loopback
            : throw new ArgumentException(
                $"Cannot listen at '{Scheme}://{Host}:{Port}': '{Host}' is a name. Write localhost, an IP address of this machine, or [::] for all of its addresses.");
    }

    /// <summary>The address of an end of a connection.</summary>
    /// <param name="scheme">Its scheme.</param>
    /// <param name="endPoint">The end. What came over IPv4 to a socket for both families is shown as what it is.</param>
    /// <returns><see langword="null"/> when it is no IP endpoint.</returns>
    public static Uri? ToUri(string scheme, EndPoint? endPoint)
    {
        if (endPoint is not IPEndPoint { Address: var ip, Port: var port })
        {
            return null;
        }

        var shown = ip.IsIPv4MappedToIPv6 ? ip.MapToIPv4() : ip;
        return new Uri(string.Create(CultureInfo.InvariantCulture, $"{scheme}://{new IPEndPoint(shown, port)}"));
    }

    /// <summary>The address of a host that stands for an end of a connection or of a listener.</summary>
    /// <param name="scheme">Its scheme.</param>
    /// <param name="host">A name, or an IP address without brackets.</param>
    /// <param name="port">Its port.</param>
    public static Uri ToUri(string scheme, string host, int port)
    {
        ArgumentNullException.ThrowIfNull(host);
        return new Uri(string.Create(CultureInfo.InvariantCulture, $"{scheme}://{Bracket(host)}:{port}"));
    }

    /// <summary>The same resource under another scheme or port, as the HTTP address of a <c>ws</c> one; credentials and fragment left out.</summary>
    /// <remarks><see cref="UriBuilder"/> and <see cref="Uri.GetComponents"/> lose the zone of an IPv6 address; this keeps it.</remarks>
    /// <param name="address">The address.</param>
    /// <param name="scheme">The new scheme.</param>
    /// <param name="port">The new port; by default the address's own, or where it has none, that of the scheme.</param>
    public static Uri ChangeScheme(Uri address, string scheme, int? port = null)
    {
        ArgumentNullException.ThrowIfNull(address);
        var number = port ?? address.Port;
        var tail = number >= 0 ? string.Create(CultureInfo.InvariantCulture, $":{number}") : "";
        return new Uri($"{scheme}{Uri.SchemeDelimiter}{Bracket(address.IdnHost)}{tail}{address.PathAndQuery}");
    }

    private static string Bracket(string host) => host.Contains(':', StringComparison.Ordinal) ? $"[{host}]" : host;

    private TransportException Unresolved(string what, Exception? cause)
        => new($"{Scheme}://{Bracket(Host)}:{Port.ToString(CultureInfo.InvariantCulture)} could not be reached. {what} Check its spelling and this machine's DNS.", cause);
}
