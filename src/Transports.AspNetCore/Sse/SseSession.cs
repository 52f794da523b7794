using System.Security.Claims;

namespace Transports.AspNetCore;

/// <summary>A channel over server-sent events and who may use it: what its requests have in common.</summary>
internal sealed class SseSession(string id, string? owner, SseServerConnection connection, IMessageChannel channel)
{
    private ITimer? _forgetting;

    public string Id => id;

    public SseServerConnection Connection => connection;

    public IMessageChannel Channel => channel;

    /// <summary>Whether a request is of the user that opened the session.</summary>
    public bool IsOwnedBy(ClaimsPrincipal user) => owner == OwnerOf(user);

    /// <summary>Calls back when an ended session has been kept long enough.</summary>
    public void ForgetLater(TimeProvider time, TimeSpan delay, Action forget)
        => _forgetting = time.CreateTimer(static state => ((Action)state!)(), forget, delay, Timeout.InfiniteTimeSpan);

    /// <summary>Gives back what was kept of an ended session.</summary>
    public void Forget()
    {
        _forgetting?.Dispose();
        _ = connection.ForgetAsync();
    }

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
