using Microsoft.Extensions.Logging;

namespace Transports;

/// <summary>The engine's log messages; event ids 1000 to 1999.</summary>
internal static partial class Log
{
    /// <summary>One line for every end; a peer leaving is not an error.</summary>
    public static void ChannelEnded(ILogger logger, IMessageChannel channel, ChannelCloseInfo info)
    {
        switch (info.Status)
        {
            case ChannelCloseStatus.MessageTooLarge when !info.IsRemote:
                MessageRefused(logger, channel.Id, channel.RemoteAddress, info.Error?.Message ?? info.Description);
                break;
            case ChannelCloseStatus.ProtocolError when !info.IsRemote:
                ProtocolBroken(logger, channel.Id, channel.RemoteAddress, info.Error?.Message ?? info.Description);
                break;
            case ChannelCloseStatus.InternalError when !info.IsRemote:
                ChannelFailed(logger, info.Error, channel.Id, channel.RemoteAddress, info.Description);
                break;
            case ChannelCloseStatus.ConnectionLost:
                ConnectionLost(logger, channel.Id, channel.RemoteAddress, info.Error?.Message);
                break;
            default:
                ChannelClosed(logger, channel.Id, channel.RemoteAddress, info.Status, info.IsRemote ? "peer" : "this side", info.Description);
                break;
        }
    }

    [LoggerMessage(1000, LogLevel.Debug, "Channel {ChannelId} with {RemoteAddress} closed: {Status} by {Who}. {Description}")]
    private static partial void ChannelClosed(ILogger logger, string channelId, Uri? remoteAddress, ChannelCloseStatus status, string who, string? description);

    [LoggerMessage(1001, LogLevel.Information, "Channel {ChannelId} lost its connection with {RemoteAddress}. {Reason}")]
    private static partial void ConnectionLost(ILogger logger, string channelId, Uri? remoteAddress, string? reason);

    [LoggerMessage(1002, LogLevel.Warning, "Channel {ChannelId} refused a message from {RemoteAddress} and was closed. {Reason}")]
    private static partial void MessageRefused(ILogger logger, string channelId, Uri? remoteAddress, string? reason);

    [LoggerMessage(1003, LogLevel.Warning, "Channel {ChannelId} was closed because {RemoteAddress} broke the protocol. {Reason}")]
    private static partial void ProtocolBroken(ILogger logger, string channelId, Uri? remoteAddress, string? reason);

    [LoggerMessage(1004, LogLevel.Error, "Channel {ChannelId} with {RemoteAddress} failed. {Description}")]
    private static partial void ChannelFailed(ILogger logger, Exception? error, string channelId, Uri? remoteAddress, string? description);

    [LoggerMessage(1005, LogLevel.Debug, "Channel {ChannelId} could not give its connection back.")]
    public static partial void DisposeFailed(ILogger logger, Exception error, string channelId);
}
