using Microsoft.Extensions.Primitives;

namespace Transports.AspNetCore;

/// <summary>Lists in headers (RFC 9110, section 5.6.1), over one line or several.</summary>
internal static class HeaderTokens
{
    /// <summary>Whether a token stands in a list.</summary>
    /// <param name="values">The header's lines.</param>
    /// <param name="token">The token.</param>
    /// <param name="comparison">How tokens are compared; most of HTTP's have no case.</param>
    public static bool Contain(StringValues values, string token, StringComparison comparison = StringComparison.OrdinalIgnoreCase)
    {
        foreach (var value in values)
        {
            foreach (var part in (value ?? "").Split(',', StringSplitOptions.TrimEntries))
            {
                if (part.Equals(token, comparison))
                {
                    return true;
                }
            }
        }

        return false;
    }
}
