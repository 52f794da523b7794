using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Transports;

/// <summary>Channels over TCP (<c>tcp://host:port</c>), TLS over TCP (<c>tls://host:port</c>) and Unix domain sockets (<c>unix:///path</c>).</summary>
/// <remarks>
/// <para>Listening: <c>localhost</c> binds the loopback addresses alone, 127.0.0.1 and ::1 on the same port (127.0.0.1 alone
/// where the machine has no IPv6); an IP address binds that one; <c>[::]</c> binds every address of the machine, of both
/// families, and <c>0.0.0.0</c> those of IPv4. Port 0 asks for a free port. A Unix domain socket's file is created by the listener, replaced when a dead
/// process left it, and removed at the stop; the directory's and the file's permissions say who may connect.</para>
/// <para>The peer's orderly end (a FIN; for TLS a close_notify) is the end of its messages. A reset is
/// <see cref="ChannelCloseStatus.ConnectionLost"/>. Unix domain sockets have no reset: an abort between two messages looks
/// like an orderly end there.</para>
/// </remarks>
public sealed class TcpTransport : IClientTransport, IServerTransport
{
    private readonly TcpTransportOptions _options;
    private readonly ILogger _logger;
    private readonly INetwork _network;

    /// <summary>A transport.</summary>
    /// <param name="options">The options; by default those of <see cref="TcpTransportOptions"/>.</param>
    /// <param name="loggerFactory">Where it and its channels log; by default nowhere.</param>
    /// <exception cref="ArgumentException">An option is not valid.</exception>
    public TcpTransport(TcpTransportOptions? options = null, ILoggerFactory? loggerFactory = null)
        : this(options, loggerFactory, SystemNetwork.Instance)
    {
    }

    internal TcpTransport(TcpTransportOptions? options, ILoggerFactory? loggerFactory, INetwork network)
    {
        _options = options ?? new TcpTransportOptions();
        _options.Validate();
        _logger = loggerFactory?.CreateLogger("Transports.Tcp") ?? NullLogger.Instance;
        _network = network;
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> Schemes { get; } = [TcpAddress.Tcp, TcpAddress.Tls, TcpAddress.Unix];

    /// <inheritdoc/>
    public ChannelCharacteristics GetCharacteristics(string scheme) => TcpMessageChannel.CharacteristicsOf(_options, encrypted: scheme == TcpAddress.Tls);

    /// <inheritdoc/>
    public async ValueTask<IMessageChannel> ConnectAsync(Uri address, CancellationToken cancellationToken = default)
    {
        var target = TcpAddress.Parse(address);
        if (target.Port == 0)
        {
            throw new ArgumentException($"Cannot connect to '{AddressText.Of(address)}': write the port of the server; port 0 is for listening.", nameof(address));
        }

        cancellationToken.ThrowIfCancellationRequested();
        var socket = await new SocketConnector(_options, _network).ConnectAsync(target, address, cancellationToken).ConfigureAwait(false);
        try
        {
            if (!target.IsTls)
            {
                return TcpMessageChannel.Create(socket, _options, ClientContext(target, address, socket));
            }

            var (stream, transport) = await TlsClientHandshake.RunAsync(socket, target.Host, address, _options, cancellationToken).ConfigureAwait(false);
            return TcpMessageChannel.Create(stream, transport, _options.TlsClient.AllowUnexpectedEof, _options, ClientContext(target, address, socket));
        }
        catch
        {
            // Such as a framing that throws: nobody else knows of the socket.
            SocketAbort.Reset(socket);
            throw;
        }
    }

    /// <inheritdoc/>
    public ValueTask<IMessageListener> ListenAsync(Uri address, CancellationToken cancellationToken = default)
    {
        var target = TcpAddress.Parse(address);
        cancellationToken.ThrowIfCancellationRequested();
        var opener = target.IsTls
            ? new TlsSocketOpener(_options, _options.TlsServer.CreateCertificateSelector(address), _logger)
            : new SocketOpener(target.Scheme, _options, _logger);
        var (sockets, localAddress, file) = ListeningSockets.Bind(target, address, _options.ListenBacklog, _logger);
        return new(new TcpMessageListener(sockets, localAddress, opener, _options.AcceptBacklog, _options.TimeProvider, file, _logger));
    }

    private MessageChannelContext ClientContext(TcpAddress target, Uri address, Socket socket) => new()
    {
        TransportName = target.Scheme,
        Side = ChannelSide.Client,
        Options = _options,
        Characteristics = TcpMessageChannel.CharacteristicsOf(_options, target.IsTls),
        LocalAddress = HostAddress.ToUri(target.Scheme, socket.LocalEndPointOrNull()),
        RemoteAddress = address,
        Logger = _logger,
    };
}
