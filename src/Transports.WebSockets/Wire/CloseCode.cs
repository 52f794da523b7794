namespace Transports.WebSockets;

/// <summary>The numbers in close frames (RFC 6455, section 7.4, and the IANA registry), to the channel's status and back.</summary>
internal static class CloseCode
{
    public const int Normal = 1000;
    public const int GoingAway = 1001;
    public const int ProtocolError = 1002;
    public const int UnsupportedData = 1003;

    /// <summary>Never on the wire: a close frame without a number.</summary>
    public const int NoStatus = 1005;

    /// <summary>Never on the wire: the connection ended without a close frame.</summary>
    public const int Abnormal = 1006;

    public const int InvalidPayload = 1007;
    public const int PolicyViolation = 1008;
    public const int MessageTooBig = 1009;
    public const int MandatoryExtension = 1010;
    public const int InternalError = 1011;
    public const int ServiceRestart = 1012;
    public const int TryAgainLater = 1013;
    public const int BadGateway = 1014;

    // Statuses that the registry has no number for go as one of the application's own: documented in docs/websocket-wire.md.
    private const int PrivateBase = 4900;
    private const int TimedOut = PrivateBase + (int)ChannelCloseStatus.TimedOut;
    private const int ConnectionLost = PrivateBase + (int)ChannelCloseStatus.ConnectionLost;
    private const int Aborted = PrivateBase + (int)ChannelCloseStatus.Aborted;

    /// <summary>Whether a peer may send this number (RFC 6455, section 7.4.2).</summary>
    public static bool IsAllowed(int code)
        => code is (>= Normal and <= UnsupportedData) or (>= InvalidPayload and <= BadGateway) or (>= 3000 and <= 4999);

    public static int FromStatus(ChannelCloseStatus status) => status switch
    {
        ChannelCloseStatus.Normal => Normal,
        ChannelCloseStatus.GoingAway => GoingAway,
        ChannelCloseStatus.ProtocolError => ProtocolError,
        ChannelCloseStatus.MessageTooLarge => MessageTooBig,
        ChannelCloseStatus.PolicyViolation => PolicyViolation,
        ChannelCloseStatus.InternalError => InternalError,
        _ => PrivateBase + (int)status,
    };

    /// <summary>What a peer's close frame says.</summary>
    /// <param name="code">Its number.</param>
    /// <param name="reason">Its text, if any.</param>
    /// <param name="isInsideMessage">It came between a message's fragments.</param>
    public static ChannelCloseInfo Describe(int code, string? reason, bool isInsideMessage)
    {
        var status = ToStatus(code);
        if (isInsideMessage && status is (ChannelCloseStatus.Normal or ChannelCloseStatus.GoingAway))
        {
            // Answered like any other: the protocol allows it. But a message was begun and is lost, so it is no end in order to whoever receives.
            status = ChannelCloseStatus.ProtocolError;
            reason = $"The close frame came inside a fragmented message, the beginning of which is lost. {reason}".TrimEnd();
        }

        return new ChannelCloseInfo(status, IsRemote: true, reason, code);
    }

    public static ChannelCloseStatus ToStatus(int code) => code switch
    {
        Normal or NoStatus => ChannelCloseStatus.Normal,
        GoingAway or ServiceRestart or TryAgainLater => ChannelCloseStatus.GoingAway,
        ProtocolError or InvalidPayload or MandatoryExtension => ChannelCloseStatus.ProtocolError,
        UnsupportedData or PolicyViolation => ChannelCloseStatus.PolicyViolation,
        MessageTooBig => ChannelCloseStatus.MessageTooLarge,
        InternalError or BadGateway => ChannelCloseStatus.InternalError,
        Abnormal => ChannelCloseStatus.ConnectionLost,
        TimedOut => ChannelCloseStatus.TimedOut,

        // Who says this in a close frame has not lost its connection: only this side can find that out, and must not be told it by a peer.
        ConnectionLost or Aborted => ChannelCloseStatus.InternalError,

        // An application's own number is a reason this library does not know; its number is in ProtocolErrorCode.
        _ => ChannelCloseStatus.PolicyViolation,
    };
}
