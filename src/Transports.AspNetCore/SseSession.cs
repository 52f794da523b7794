using System.Security.Claims;

namespace Transports;

/// <summary>A channel over server-sent events and who may use it: what its requests have in common.</summary>
internal sealed class SseSession(string id, string? owner, SseServerConnection connection, SseMessageChannel channel)
{
    public string Id => id;

    public SseServerConnection Connection => connection;

    public SseMessageChannel Channel => channel;

    /// <summary>Whether a request is of the user that opened the session.</summary>
    public bool IsOwnedBy(ClaimsPrincipal user) => owner == OwnerOf(user);

    /// <summary>What tells users apart: the identifier that the authentication gave, with its issuer, or <see langword="null"/> for nobody in particular.</summary>
    public static string? OwnerOf(ClaimsPrincipal user)
    {
        if (user.Identity is not { IsAuthenticated: true } identity)
        {
            return null;
        }

        var claim = user.FindFirst(ClaimTypes.NameIdentifier) ?? user.FindFirst("sub");
        return claim is null ? $"{identity.AuthenticationType}\n{identity.Name}" : $"{claim.Issuer}\n{claim.Value}";
    }
}
