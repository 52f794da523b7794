namespace Transports.Tcp;

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
            throw new ArgumentException($"The address '{AddressText.Of(address)}' has no scheme. Write it whole, such as tcp://localhost:5000.", nameof(address));
        }

        return address.Scheme switch
        {
            Unix => ParseUnix(address),
            Tcp or Tls => ParseNetwork(address),
            _ => throw new ArgumentException($"The TCP transport opens tcp, tls and unix addresses, not '{address.Scheme}'.", nameof(address)),
        };
    }

    public static Uri ToUnixUri(string path) => new($"{Unix}://{(path.StartsWith('/') ? "" : "/")}{path.Replace("%", "%25", StringComparison.Ordinal).Replace("#", "%23", StringComparison.Ordinal).Replace("?", "%3F", StringComparison.Ordinal)}");

    private static TcpAddress ParseUnix(Uri address)
    {
        if (address.Authority.Length > 0)
        {
            throw new ArgumentException(
                $"A Unix domain socket's address has three slashes and an absolute path, such as unix:///run/app.sock; '{AddressText.Of(address)}' has a host, '{address.Authority}'.",
                nameof(address));
        }

        var path = Uri.UnescapeDataString(address.AbsolutePath);
        if (path.Length < 2)
        {
            throw new ArgumentException($"'{AddressText.Of(address)}' has no path. Write one, such as unix:///run/app.sock.", nameof(address));
        }

        return new TcpAddress(Unix, "", NoPort, path);
    }

    private static TcpAddress ParseNetwork(Uri address)
    {
        var parsed = HostAddress.Parse(address);
        return new TcpAddress(parsed.Scheme, parsed.Host, parsed.Port, null);
    }
}
