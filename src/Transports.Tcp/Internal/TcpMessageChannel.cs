using System.Net.Security;
using System.Net.Sockets;

namespace Transports.Tcp;

/// <summary>Framed channels over connected sockets, with or without TLS.</summary>
internal static class TcpMessageChannel
{
    /// <summary>What every channel of these schemes guarantees.</summary>
    public static ChannelCharacteristics CharacteristicsOf(TcpTransportOptions options, bool encrypted) => new()
    {
        IsReliable = true,
        IsOrdered = true,
        SupportsHalfClose = true,
        IsEncrypted = encrypted,
        MaxMessageSize = options.MaxMessageSize,
    };

    /// <summary>A channel over a socket as it is.</summary>
    public static FramedMessageChannel Create(Socket socket, TcpTransportOptions options, MessageChannelContext context)
        => new(ByteConnection.Create(socket), options.Framing, context);

    /// <summary>A channel over TLS, its handshake done.</summary>
    public static FramedMessageChannel Create(SslStream stream, TlsSocketStream transport, bool allowUnexpectedEof, TcpTransportOptions options, MessageChannelContext context)
        => new(
            new TlsByteConnection(stream, transport, allowUnexpectedEof, context.Side == ChannelSide.Client),
            options.Framing,
            WithFeatures(context, new SocketEnds(transport.Socket), new TlsFeature(stream)));

    private static MessageChannelContext WithFeatures(MessageChannelContext context, params object[] features) => new()
    {
        TransportName = context.TransportName,
        Side = context.Side,
        Characteristics = context.Characteristics,
        Options = context.Options,
        LocalAddress = context.LocalAddress,
        RemoteAddress = context.RemoteAddress,
        Logger = context.Logger,
        Features = type => Array.Find(features, type.IsInstanceOfType),
    };
}
