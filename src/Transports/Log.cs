using Microsoft.Extensions.Logging;

namespace Transports.Engine;

/// <summary>The engine's log messages; event ids 1000 to 1999.</summary>
internal static partial class Log
{
    /// <summary>One line for every end; a peer leaving is not an error.</summary>
    public static void ChannelEnded(ILogger logger, IMessageChannel channel, ChannelCloseInfo info)
    {
        switch (info.Status)
        {
            case ChannelCloseStatus.MessageTooLarge when !info.IsRemote:
                MessageRefused(logger, channel.Id, channel.RemoteAddress, info.Exception?.Message ?? info.Description);
                break;
            case ChannelCloseStatus.ProtocolError when !info.IsRemote:
                ProtocolBroken(logger, channel.Id, channel.RemoteAddress, info.Exception?.Message ?? info.Description);
                break;
            case ChannelCloseStatus.InternalError when !info.IsRemote:
                ChannelFailed(logger, info.Exception, channel.Id, channel.RemoteAddress, info.Description);
                break;
            case ChannelCloseStatus.ConnectionLost when info is { IsRemote: true, Exception: null, Description: { } reason }:
                BrokenOff(logger, channel.Id, channel.RemoteAddress, reason);
                break;
            case ChannelCloseStatus.ConnectionLost:
                ConnectionLost(logger, channel.Id, channel.RemoteAddress, info.Exception?.Message);
                break;
            default:
                ChannelClosed(logger, channel.Id, channel.RemoteAddress, info.Status, info.IsRemote ? "peer" : "this side", info.Description);
                break;
        }
    }

    [LoggerMessage(1000, LogLevel.Debug, "Channel {ChannelId} with {RemoteAddress} closed: {Status} by {Who}. {Description}")]
    private static partial void ChannelClosed(ILogger logger, string channelId, AddressText remoteAddress, ChannelCloseStatus status, string who, string? description);

    [LoggerMessage(1001, LogLevel.Information, "Channel {ChannelId} lost its connection with {RemoteAddress}. {Reason}")]
    private static partial void ConnectionLost(ILogger logger, string channelId, AddressText remoteAddress, string? reason);

    [LoggerMessage(1002, LogLevel.Warning, "Channel {ChannelId} refused a message from {RemoteAddress} and was closed. {Reason}")]
    private static partial void MessageRefused(ILogger logger, string channelId, AddressText remoteAddress, string? reason);

    [LoggerMessage(1003, LogLevel.Warning, "Channel {ChannelId} was closed because {RemoteAddress} broke the protocol. {Reason}")]
    private static partial void ProtocolBroken(ILogger logger, string channelId, AddressText remoteAddress, string? reason);

    [LoggerMessage(1004, LogLevel.Error, "Channel {ChannelId} with {RemoteAddress} failed. {Description}")]
    private static partial void ChannelFailed(ILogger logger, Exception? error, string channelId, AddressText remoteAddress, string? description);

    [LoggerMessage(1005, LogLevel.Debug, "Channel {ChannelId} could not give its connection back.")]
    public static partial void DisposeFailed(ILogger logger, Exception error, string channelId);

    // The protocol knows of the break, and nothing failed: how clients of some protocols leave.
    [LoggerMessage(1006, LogLevel.Debug, "Channel {ChannelId} was broken off by {RemoteAddress}. {Reason}")]
    private static partial void BrokenOff(ILogger logger, string channelId, AddressText remoteAddress, string reason);

    [LoggerMessage(1100, LogLevel.Information, "Listening at {LocalAddress}.")]
    public static partial void ServerStarted(ILogger logger, AddressText localAddress);

    [LoggerMessage(1101, LogLevel.Information, "Stopped listening at {LocalAddress}; all channels are closed.")]
    public static partial void ServerStopped(ILogger logger, AddressText localAddress);

    [LoggerMessage(1102, LogLevel.Warning, "Accepting at {LocalAddress} failed. The next try is in {Delay}.")]
    public static partial void AcceptFailed(ILogger logger, Exception error, AddressText localAddress, TimeSpan delay);

    [LoggerMessage(1103, LogLevel.Warning, "{MaxChannels} channels are open at {LocalAddress}, as many as MaxChannels allows. New peers wait until one ends.")]
    public static partial void ServerFull(ILogger logger, AddressText localAddress, int maxChannels);

    [LoggerMessage(1104, LogLevel.Error, "The handler of channel {ChannelId} with {RemoteAddress} failed. The channel is closed as InternalError.")]
    public static partial void HandlerFailed(ILogger logger, Exception error, string channelId, AddressText remoteAddress);

    [LoggerMessage(1105, LogLevel.Debug, "Accepted channel {ChannelId} from {RemoteAddress}.")]
    public static partial void ChannelAccepted(ILogger logger, string channelId, AddressText remoteAddress);

    [LoggerMessage(1106, LogLevel.Debug, "The handler of channel {ChannelId} ended with its channel. {Reason}")]
    public static partial void HandlerEndedWithChannel(ILogger logger, string channelId, string reason);

    [LoggerMessage(1107, LogLevel.Warning, "{Count} handlers at {LocalAddress} did not end within ShutdownTimeout. Their channels are closed.")]
    public static partial void ServerEndsChannels(ILogger logger, AddressText localAddress, int count);

    [LoggerMessage(1108, LogLevel.Error, "{Count} handlers at {LocalAddress} go on although their channels were aborted. Let them watch the token they are given.")]
    public static partial void HandlersLeftBehind(ILogger logger, AddressText localAddress, int count);

    [LoggerMessage(1109, LogLevel.Critical, "The listener at {Address} was disposed under its server, which stops.")]
    public static partial void ListenerFailed(ILogger logger, Exception error, AddressText address);

    [LoggerMessage(1110, LogLevel.Debug, "A step of closing down at {LocalAddress} failed; the others go on.")]
    public static partial void ShutdownStepFailed(ILogger logger, Exception error, AddressText localAddress);

    [LoggerMessage(1111, LogLevel.Debug, "Channel {ChannelId} could not be closed or disposed by its server.")]
    public static partial void ChannelEndFailed(ILogger logger, Exception error, string channelId);

    [LoggerMessage(1112, LogLevel.Warning, "Refused {Count} channels since the last line of this kind; the last from {RemoteAddress}: {Reason}. ConnectionGuardOptions has the bounds.")]
    public static partial void ConnectionsRefused(ILogger logger, int count, System.Net.IPAddress? remoteAddress, ConnectionRefusalReason reason);

    [LoggerMessage(1113, LogLevel.Information, "The guard closes channel {ChannelId} with {RemoteAddress}. {Reason}")]
    public static partial void PeerExpelled(ILogger logger, string channelId, AddressText remoteAddress, string reason);

    [LoggerMessage(1200, LogLevel.Debug, "Channel {ChannelId} opened from {LocalAddress} to {RemoteAddress}.")]
    public static partial void ChannelOpened(ILogger logger, string channelId, AddressText localAddress, AddressText remoteAddress);

    [LoggerMessage(1201, LogLevel.Debug, "Channel {ChannelId} ended: {Status} by {Who}. {Description}")]
    public static partial void ChannelEndSeen(ILogger logger, string channelId, ChannelCloseStatus status, string who, string? description);

    [LoggerMessage(1202, LogLevel.Trace, "Channel {ChannelId} sent {Size} bytes, {Kind}.")]
    public static partial void MessageSent(ILogger logger, string channelId, long size, MessageKind kind);

    [LoggerMessage(1203, LogLevel.Trace, "Channel {ChannelId} received {Size} bytes, {Kind}.")]
    public static partial void MessageReceived(ILogger logger, string channelId, long size, MessageKind kind);

    [LoggerMessage(1204, LogLevel.Trace, "Channel {ChannelId} sent {Payload}")]
    public static partial void PayloadSent(ILogger logger, string channelId, string payload);

    [LoggerMessage(1205, LogLevel.Trace, "Channel {ChannelId} received {Payload}")]
    public static partial void PayloadReceived(ILogger logger, string channelId, string payload);

    [LoggerMessage(1800, LogLevel.Information, "The certificate in {Path} has changed; the new one, valid until {NotAfter:u}, is used from now on.")]
    public static partial void CertificateReloaded(ILogger logger, string path, DateTime notAfter);

    [LoggerMessage(1801, LogLevel.Warning, "The certificate in {Path} or its key in {KeyPath} has changed and cannot be used, so the one before stays. Check the files.")]
    public static partial void CertificateNotReloaded(ILogger logger, Exception error, string path, string keyPath);
}
