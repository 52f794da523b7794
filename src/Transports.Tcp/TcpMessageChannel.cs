using System.Net;
using System.Net.Security;
using System.Net.Sockets;

namespace Transports;

/// <summary>A framed channel over a connected socket, with or without TLS.</summary>
internal sealed class TcpMessageChannel : FramedMessageChannel, IConnectionEndPointFeature
{
    private ITlsFeature? _tls;

    private TcpMessageChannel(ByteConnection connection, IMessageFraming framing, MessageChannelContext context, Socket socket)
        : base(connection, framing, context)
    {
        LocalEndPoint = socket.LocalEndPointOrNull();
        RemoteEndPoint = socket.RemoteEndPointOrNull();
    }

    public EndPoint? LocalEndPoint { get; }

    public EndPoint? RemoteEndPoint { get; }

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
    public static TcpMessageChannel Create(Socket socket, TcpTransportOptions options, MessageChannelContext context)
        => new(ByteConnection.Create(socket), options.Framing, context, socket);

    /// <summary>A channel over TLS, its handshake done.</summary>
    public static TcpMessageChannel Create(SslStream stream, TlsSocketStream transport, bool allowUnexpectedEof, TcpTransportOptions options, MessageChannelContext context)
        => new(new TlsByteConnection(stream, transport, allowUnexpectedEof, context.Side == ChannelSide.Client), options.Framing, context, transport.Socket)
        {
            _tls = new TlsFeature(stream),
        };

    /// <inheritdoc/>
    public override TFeature? GetFeature<TFeature>()
        where TFeature : class
        => typeof(TFeature) == typeof(ITlsFeature) ? (TFeature?)_tls : base.GetFeature<TFeature>();
}
