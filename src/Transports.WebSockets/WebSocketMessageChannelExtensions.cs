using System.Net.WebSockets;

namespace Transports;

/// <summary>Channels over WebSockets and streams that somebody else has opened.</summary>
public static class WebSocketMessageChannelExtensions
{
    /// <summary>A channel over any <see cref="WebSocket"/>.</summary>
    /// <param name="webSocket">The open WebSocket; the channel owns it from here on.</param>
    /// <param name="options">Limits; by default those of <see cref="MessageChannelOptions"/>. Keep-alives and compression are the WebSocket's own matter.</param>
    /// <param name="remoteAddress">The address of the other end, where it is known.</param>
    /// <returns>
    /// The channel. Each message costs a send and a receive of the WebSocket: where there is a choice, a channel over the stream
    /// below it is several times faster. While nobody receives, it reads ahead up to <see cref="MessageChannelOptions.ReceiveBufferSize"/>.
    /// </returns>
    public static IMessageChannel AsMessageChannel(this WebSocket webSocket, MessageChannelOptions? options = null, Uri? remoteAddress = null)
    {
        ArgumentNullException.ThrowIfNull(webSocket);
        options ??= new MessageChannelOptions();
        options.Validate();
        return new ForeignWebSocketMessageChannel(webSocket, ContextOf(isServer: false, options, remoteAddress));
    }

    /// <summary>A channel of WebSocket frames (RFC 6455) over a stream on which the opening handshake is done.</summary>
    /// <param name="stream">The stream; the channel owns it from here on. Reading and writing at once must be allowed.</param>
    /// <param name="isServer">Which side this is: clients mask their frames.</param>
    /// <param name="subProtocol">The subprotocol agreed on, if any.</param>
    /// <param name="options">Limits; by default those of <see cref="WebSocketChannelOptions"/>. Compression is used when it is on here, so it must have been agreed on.</param>
    /// <param name="remoteAddress">The address of the other end, where it is known.</param>
    public static IMessageChannel AsWebSocketMessageChannel(
        this Stream stream,
        bool isServer,
        string? subProtocol = null,
        WebSocketChannelOptions? options = null,
        Uri? remoteAddress = null)
    {
        ArgumentNullException.ThrowIfNull(stream);
        options ??= new WebSocketChannelOptions();
        options.Validate();
        return new FramedMessageChannel(
            new WebSocketStreamConnection(stream, flushes: true),
            new WebSocketCodec(isServer, options.EnableCompression ? WebSocketDeflateAgreement.Default : null, subProtocol, options),
            ContextOf(isServer, options, remoteAddress));
    }

    private static MessageChannelContext ContextOf(bool isServer, MessageChannelOptions options, Uri? remoteAddress) => new()
    {
        TransportName = "ws",
        Side = isServer ? ChannelSide.Server : ChannelSide.Client,
        Options = options,
        RemoteAddress = remoteAddress,
        Characteristics = WebSocketTransport.CharacteristicsOf(isEncrypted: false, isMultiplexed: false),
    };
}
