namespace Transports;

/// <summary>What was agreed in a WebSocket's handshake; from <see cref="IMessageChannel.GetFeature{TFeature}"/>.</summary>
public interface IWebSocketFeature
{
    /// <summary>The subprotocol agreed on (RFC 6455, section 1.9), or <see langword="null"/>.</summary>
    string? SubProtocol { get; }

    /// <summary>Whether messages may go compressed (RFC 7692).</summary>
    bool IsCompressed { get; }
}
