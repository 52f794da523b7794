namespace Transports;

/// <summary>How a channel ended.</summary>
/// <param name="Status">Why.</param>
/// <param name="IsRemote"><see langword="true"/> when the peer or the network ended it, <see langword="false"/> when this side did.</param>
/// <param name="Description">The text given to <see cref="IMessageChannel.CloseAsync"/>, from whichever side, where the transport carries one.</param>
/// <param name="ProtocolErrorCode">The protocol's own number, such as a WebSocket close code or a socket error, where there is one.</param>
/// <param name="Exception">The failure behind it, where there is one.</param>
public sealed record ChannelCloseInfo(
    ChannelCloseStatus Status,
    bool IsRemote,
    string? Description = null,
    long? ProtocolErrorCode = null,
    Exception? Exception = null);
