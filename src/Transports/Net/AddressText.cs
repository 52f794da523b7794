namespace Transports.Extensibility;

/// <summary>
/// An address as exceptions, logs and health checks show it: without what may be secret. Every text that names an address shows it in this way.
/// </summary>
/// <remarks>
/// Left out are the user information (<c>name:password@</c>), the fragment, and the query, for which <c>?…</c> stands: it may carry a token. Scheme,
/// host, port and path stay. Nothing is computed before <see cref="ToString"/>, so a line that is not logged costs nothing.
/// </remarks>
/// <param name="address">The address; may be relative or <see langword="null"/>.</param>
public readonly struct AddressText(Uri? address)
{
    private const string LeftOut = "…";

    /// <summary>An address to show.</summary>
    /// <param name="address">The address.</param>
    public static implicit operator AddressText(Uri? address) => new(address);

    /// <summary>The text of an address, for an exception.</summary>
    /// <param name="address">The address.</param>
    public static string Of(Uri? address) => new AddressText(address).ToString();

    /// <summary>Throws where an address carries user information, which no transport here sends: it would be dropped in silence.</summary>
    /// <param name="address">The address.</param>
    /// <param name="instead">Where credentials belong, to end the sentence "Take it off, and …".</param>
    /// <param name="parameterName">The caller's parameter.</param>
    /// <exception cref="ArgumentException">It does.</exception>
    public static void ThrowIfUserInfo(Uri address, string instead, string parameterName)
    {
        ArgumentNullException.ThrowIfNull(address);
        if (address.IsAbsoluteUri && address.UserInfo.Length > 0)
        {
            throw new ArgumentException(
                $"The address {Of(address)} has a user name or password before its host, which is not sent. Take it off, and {instead}.",
                parameterName);
        }
    }

    /// <summary>The address without what may be secret; <c>(none)</c> where there is none.</summary>
    public override string ToString()
    {
        if (address is null)
        {
            return "(none)";
        }

        if (!address.IsAbsoluteUri)
        {
            return WithoutUser(WithoutQuery(address.OriginalString));
        }

        // An address without // has no host to the parser, which takes name:password@host for a path under the scheme "name".
        var text = address.GetComponents(UriComponents.SchemeAndServer | UriComponents.Path, UriFormat.SafeUnescaped);
        if (address.HostNameType == UriHostNameType.IPv6 && address.IdnHost.Contains('%', StringComparison.Ordinal))
        {
            // The components have lost the zone, without which a link-local address leads nowhere.
            text = text.Replace(address.Host, $"[{address.IdnHost}]", StringComparison.Ordinal);
        }

        if (address.Query.Length == 0 && address.OriginalString.Contains('?', StringComparison.Ordinal))
        {
            // Some schemes have no query to the parser, which takes it for a part of the path.
            text = WithoutQuery(text.Replace("%3F", "?", StringComparison.OrdinalIgnoreCase));
        }

        return (address.Host.Length > 0 || address.IsFile ? text : WithoutUser(text)) + (address.Query.Length > 0 ? "?" + LeftOut : "");
    }

    private static string WithoutQuery(string text)
    {
        var end = text.AsSpan().IndexOfAny('?', '#');
        return end < 0 ? text : text[..end] + (text[end] == '?' ? "?" + LeftOut : "");
    }

    private static string WithoutUser(string text)
    {
        var at = text.LastIndexOf('@');
        return at < 0 ? text : LeftOut + text[at..];
    }
}
