using System.Net.Sockets;
using Microsoft.Extensions.Logging;

namespace Transports.Tcp;

/// <summary>Makes a channel of an accepted socket.</summary>
internal class SocketOpener(string scheme, TcpTransportOptions options, ILogger logger)
{
    protected string Scheme { get; } = scheme;

    protected TcpTransportOptions Options { get; } = options;

    protected ILogger Logger { get; } = logger;

    /// <summary>Opens a channel. Never throws: a peer that fails is logged and dropped.</summary>
    /// <returns><see langword="null"/> when it failed.</returns>
    public virtual ValueTask<FramedMessageChannel?> OpenAsync(PendingConnection connection, Uri listening, CancellationToken stopping)
    {
        try
        {
            Prepare(connection.Socket);
            return new(TcpMessageChannel.Create(connection.Socket, Options, Context(connection.Socket, listening, encrypted: false)));
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            Log.GoneBeforeAccepted(Logger, listening, e.Message);
            connection.Abort();
            return new((FramedMessageChannel?)null);
        }
    }

    internal void Prepare(Socket socket)
    {
        if (Scheme != TcpAddress.Unix)
        {
            socket.NoDelay = Options.NoDelay;
            Options.TcpKeepAlive.Apply(socket);
        }
    }

    protected MessageChannelContext Context(Socket socket, Uri listening, bool encrypted) => new()
    {
        TransportName = Scheme,
        Side = ChannelSide.Server,
        Options = Options,
        Characteristics = TcpMessageChannel.CharacteristicsOf(Options, encrypted),
        LocalAddress = HostAddress.ToUri(Scheme, socket.LocalEndPointOrNull()) ?? listening,
        RemoteAddress = HostAddress.ToUri(Scheme, socket.RemoteEndPointOrNull()),
        Logger = Logger,
    };
}
