using Microsoft.AspNetCore.Http;

namespace Transports.AspNetCore;

/// <summary>Web origins (RFC 6454) in the one spelling in which they are compared.</summary>
internal static class WebOrigin
{
    /// <summary>In a list of origins: any.</summary>
    public const string Any = "*";

    /// <summary>What browsers send for pages without an origin of their own: sandboxed frames, local files, some apps (section 7.1).</summary>
    public const string Opaque = "null";

    /// <summary>The spelling that browsers send: in lower case, the host in ASCII, without its scheme's default port (section 6.2).</summary>
    /// <returns><see langword="null"/> for what is no scheme, host and port.</returns>
    public static string? Normalize(string origin)
    {
        try
        {
            if (!Uri.TryCreate(origin, UriKind.Absolute, out var uri)
                || uri.UserInfo.Length > 0
                || uri.PathAndQuery is not ("" or "/")
                || uri.Fragment.Length > 0
                || (origin.EndsWith('/') && !origin.EndsWith(Uri.SchemeDelimiter, StringComparison.Ordinal)))
            {
                return null;
            }

            var host = uri.HostNameType == UriHostNameType.IPv6 ? uri.Host : uri.IdnHost.ToLowerInvariant();
            var port = uri.IsDefaultPort || uri.Port < 0 ? "" : $":{uri.Port}";
            return string.Concat(uri.Scheme, Uri.SchemeDelimiter, host, port);
        }
        catch (UriFormatException)
        {
            // A host that has no spelling in ASCII is found out only when it is asked for.
            return null;
        }
    }

    /// <summary>
    /// Whether an origin is that of a request's own server. The host and port decide, not the scheme: behind a proxy that ends TLS a page is https
    /// and the request http.
    /// </summary>
    public static bool IsOf(HostString host, string origin)
        => Normalize(origin) is not null
            && Uri.TryCreate(origin, UriKind.Absolute, out var page)
            && page.Scheme is "http" or "https"
            && (host.Host.Equals(page.IdnHost, StringComparison.OrdinalIgnoreCase) || host.Host.Equals(page.Host, StringComparison.OrdinalIgnoreCase))
            && (host.Port is { } port ? port == page.Port : page.IsDefaultPort);
}
