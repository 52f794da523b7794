using Microsoft.AspNetCore.Cors.Infrastructure;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Transports.AspNetCore;

/// <summary>
/// Which pages may open a session. A browser lets any page send the request, with the user's cookies, and only keeps the answer from it;
/// so without this a page of anywhere could run a handler as its visitor.
/// </summary>
internal static class SseOrigin
{
    /// <summary>Whether a request comes from a page of another origin, by what its browser says.</summary>
    public static bool IsForeign(HttpRequest request)
    {
        if (request.Headers.Origin is [{ Length: > 0 } origin, ..])
        {
            return !WebOrigin.IsOf(request.Host, origin);
        }

        // A request whose answer the page cannot read has no Origin.
        return request.Headers["Sec-Fetch-Site"].ToString() is "cross-site" or "same-site";
    }

    /// <summary>Whether the application has CORS policies at all.</summary>
    public static bool HasPolicies(HttpContext context) => context.RequestServices?.GetService<ICorsService>() is not null;

    /// <summary>Whether the CORS middleware has let the page of this request read the response, which has started.</summary>
    public static bool IsAllowed(HttpContext context)
        => context.Request.Headers.Origin is [{ Length: > 0 } origin, ..]
            && context.Response.Headers.AccessControlAllowOrigin.ToString() is var allowed
            && (allowed == CorsConstants.AnyOrigin || allowed.Equals(origin, StringComparison.OrdinalIgnoreCase));
}
