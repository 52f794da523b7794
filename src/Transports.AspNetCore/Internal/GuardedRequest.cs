using System.Globalization;
using System.Security.Claims;
using Microsoft.AspNetCore.Http;

namespace Transports.AspNetCore;

/// <summary>Asks a guard before a request may open a channel, and puts the channel that comes of it under the guard.</summary>
internal static class GuardedRequest
{
    /// <summary>Hands the request to its protocol, or refuses it with HTTP status 429 (the client's own fault) or 503, and Retry-After (RFC 6585, section 4; RFC 9110, section 10.2.3).</summary>
    public static async Task InvokeAsync(HttpContext context, ConnectionGuard guard, IChannelProtocol protocol)
    {
        if (!guard.TryEnter(context.Connection.RemoteIpAddress, PrincipalOf(context), out var lease, out var refusal))
        {
            context.Response.Headers.RetryAfter = ((long)Math.Ceiling(refusal.RetryAfter.TotalSeconds)).ToString(CultureInfo.InvariantCulture);
            await Problem.WriteAsync(
                context,
                refusal.IsPeersOwn ? StatusCodes.Status429TooManyRequests : StatusCodes.Status503ServiceUnavailable,
                "No channel can be opened now.",
                refusal.Description).ConfigureAwait(false);
            return;
        }

        // Gives the place back of a request of which no channel comes.
        using (lease)
        {
            context.Features.Set(lease);
            await protocol.InvokeAsync(context).ConfigureAwait(false);
        }
    }

    /// <summary>The channel that a request has opened, under the guard if it has entered one.</summary>
    public static IMessageChannel Attach(HttpContext context, IMessageChannel channel)
        => context.Features.Get<ConnectionLease>() is { } lease ? lease.Attach(channel) : channel;

    // Not by a certificate that no authentication has vouched for: an application may let any pass, and then one client could use up another's places.
    private static string? PrincipalOf(HttpContext context)
        => context.User.Identity is { IsAuthenticated: true } identity && (context.User.FindFirstValue(ClaimTypes.NameIdentifier) ?? identity.Name) is { } name
            ? $"{identity.AuthenticationType}\n{name}"
            : null;
}
