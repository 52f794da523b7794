namespace Transports;

/// <summary>The channel has ended, so the call cannot be done. <see cref="CloseInfo"/> tells how it ended.</summary>
public class MessageChannelClosedException : TransportException
{
    /// <summary>An exception for a channel that ended in the given way.</summary>
    /// <param name="closeInfo">How it ended.</param>
    public MessageChannelClosedException(ChannelCloseInfo closeInfo)
        : base(Describe(closeInfo), closeInfo?.Exception)
    {
        CloseInfo = closeInfo!;
    }

    /// <summary>How the channel ended.</summary>
    public ChannelCloseInfo CloseInfo { get; }

    private static string Describe(ChannelCloseInfo closeInfo)
    {
        ArgumentNullException.ThrowIfNull(closeInfo);
        var who = closeInfo switch
        {
            { Status: ChannelCloseStatus.ConnectionLost } => "The connection was lost",
            { IsRemote: true } => "The peer closed the channel",
            { Status: ChannelCloseStatus.Aborted } => "The channel was aborted on this side",
            _ => "The channel was closed on this side",
        };
        var text = $"{who} ({closeInfo.Status}).";
        if (!string.IsNullOrEmpty(closeInfo.Description))
        {
            text = $"{who} ({closeInfo.Status}: {closeInfo.Description}).";
        }

        return closeInfo.Exception is null ? text : $"{text} {closeInfo.Exception.Message}";
    }
}
