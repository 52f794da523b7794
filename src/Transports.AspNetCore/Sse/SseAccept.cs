using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;

namespace Transports.AspNetCore;

/// <summary>Whether a client asks for an event stream (RFC 9110, section 12.5.1).</summary>
internal static class SseAccept
{
    /// <summary>Whether an event stream is what the client wants most, by itself or by <c>text/*</c> or <c>*/*</c>.</summary>
    /// <param name="accept">The header. Without one a client takes anything, but then it is no client of event streams, and is told what this is.</param>
    /// <remarks>Most, and not only acceptably: a browser that opens the address as a page takes anything too, and is better served with an explanation.</remarks>
    public static bool Wants(StringValues accept)
    {
        if (!MediaTypeHeaderValue.TryParseList(accept, out var ranges))
        {
            return accept.Any(static value => value is not null && value.Contains(SseWire.ContentType, StringComparison.OrdinalIgnoreCase));
        }

        var wanted = 0.0;
        var precision = 0;
        var most = 0.0;
        foreach (var range in ranges)
        {
            var quality = range.Quality ?? 1;
            most = Math.Max(most, quality);
            var precise = range.MediaType.Equals(SseWire.ContentType, StringComparison.OrdinalIgnoreCase) ? 3
                : range.MediaType.Equals("text/*", StringComparison.OrdinalIgnoreCase) ? 2
                : range.MatchesAllTypes ? 1 : 0;
            if (precise > precision || (precise == precision && precise > 0 && quality > wanted))
            {
                (precision, wanted) = (precise, quality);
            }
        }

        // Named, it is meant, whatever else is wanted more.
        return wanted > 0 && (precision == 3 || wanted >= most);
    }
}
