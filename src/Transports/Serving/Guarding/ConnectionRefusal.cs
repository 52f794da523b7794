namespace Transports;

/// <summary>Why a <see cref="ConnectionGuard"/> did not let a channel in.</summary>
/// <param name="Reason">The bound.</param>
/// <param name="Description">A text for the peer; it says nothing of other peers and of no numbers.</param>
/// <param name="RetryAfter">After how long it may be worth trying again; at least a second.</param>
public sealed record ConnectionRefusal(ConnectionRefusalReason Reason, string Description, TimeSpan RetryAfter)
{
    /// <summary>Whether this peer asks for too much, rather than all peers together.</summary>
    public bool IsPeersOwn
        => Reason is ConnectionRefusalReason.AddressFull or ConnectionRefusalReason.PrincipalFull or ConnectionRefusalReason.AddressAcceptRate;

    internal static ConnectionRefusal Of(ConnectionRefusalReason reason, TimeSpan retryAfter = default) => new(
        reason,
        reason switch
        {
            ConnectionRefusalReason.AddressFull => "Too many channels are open from your address. Close some, or try again later.",
            ConnectionRefusalReason.PrincipalFull => "You have too many channels open. Close some, or try again later.",
            ConnectionRefusalReason.AddressAcceptRate => "Channels are opened too fast from your address. Try again later.",
            _ => "The server is at its limit. Try again later.",
        },
        retryAfter > TimeSpan.FromSeconds(1) ? retryAfter : TimeSpan.FromSeconds(1));
}
