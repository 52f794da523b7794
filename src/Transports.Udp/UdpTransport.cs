using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Transports;

/// <summary>UDP: <c>udp://host:port</c>. A datagram is a message (RFC 768).</summary>
/// <remarks>
/// <para>Messages may be lost, doubled or reordered, and neither side learns of the other's end: a client's channel ends when it is
/// closed here, or when the peer's machine says that nobody listens; a listener's channel ends when it is closed here, or when
/// its peer has been silent for <see cref="UdpTransportOptions.IdleTimeout"/>. Nothing is encrypted.</para>
/// <para>A listener learns of a peer by its first datagram, so a client has to speak first. Connecting sends nothing.</para>
/// <para>A listener on a wildcard address, <c>udp://0.0.0.0:port</c> or <c>udp://[::]:port</c>, answers from the address that was asked, which is the
/// channel's <see cref="IMessageChannel.LocalAddress"/>, on 64-bit Linux. Elsewhere the operating system chooses by the route, and a client
/// that asked another address of a machine with several does not hear it: listen on that address itself.</para>
/// <para>A datagram over <see cref="MessageChannelOptions.MaxMessageSize"/> is refused before it is sent, and dropped and counted
/// when it arrives: anybody can send one in a peer's name, so it does not end the channel. Counts: <see cref="IUdpStatisticsFeature"/>.</para>
/// </remarks>
public sealed class UdpTransport : IClientTransport, IServerTransport
{
    private readonly UdpTransportOptions _options;
    private readonly ILogger _logger;
    private readonly ChannelCharacteristics _characteristics;

    /// <summary>UDP with the given limits and choices.</summary>
    /// <param name="options">Limits and choices; by default those of <see cref="UdpTransportOptions"/>.</param>
    /// <param name="loggerFactory">Where it logs; by default nowhere.</param>
    /// <exception cref="ArgumentException">A value is out of its range.</exception>
    public UdpTransport(UdpTransportOptions? options = null, ILoggerFactory? loggerFactory = null)
    {
        _options = options ?? new UdpTransportOptions();
        _options.Validate();
        loggerFactory ??= NullLoggerFactory.Instance;
        _logger = loggerFactory.CreateLogger("Transports.Udp");
        _characteristics = new ChannelCharacteristics { PreservesMessageBoundaries = true, MaxMessageSize = _options.MaxMessageSize };
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> Schemes { get; } = ["udp"];

    /// <inheritdoc/>
    public ChannelCharacteristics GetCharacteristics(string scheme) => _characteristics;

    /// <inheritdoc/>
    public async ValueTask<IMessageChannel> ConnectAsync(Uri address, CancellationToken cancellationToken = default)
    {
        var host = HostAddress.ParseForConnect(address, "udp");
        using var timeout = new CancellationTokenSource(_options.ConnectTimeout, _options.TimeProvider);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, timeout.Token);
        try
        {
            return await ConnectCoreAsync(address, host, both.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            throw new OperationCanceledException(cancellationToken);
        }
        catch (OperationCanceledException e)
        {
            throw new TransportException(
                $"The addresses of {host.Host} were not found within {_options.ConnectTimeout.TotalSeconds:0.###} seconds (ConnectTimeout). Check the name server, or raise ConnectTimeout.", e);
        }
    }

    /// <inheritdoc/>
    public ValueTask<IMessageListener> ListenAsync(Uri address, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var host = HostAddress.Parse(address, "udp");
        var target = host.ToListenAddress();
        Socket? socket = null;
        try
        {
            socket = new Socket(target.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
            if (target.Equals(IPAddress.IPv6Any))
            {
                socket.DualMode = _options.DualMode;
            }

            Configure(socket);
            if (_options.ReuseAddress)
            {
                socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
            }

            if (OperatingSystem.IsWindows())
            {
                // Otherwise one peer's ICMP port unreachable fails the next read of a socket that all share (SIO_UDP_CONNRESET).
                socket.IOControl(unchecked((int)0x9800000C), [0, 0, 0, 0], null);
            }

            socket.Bind(new IPEndPoint(target, host.Port));
            ConfigureMulticastSending(socket);
            Join(socket);
            var listener = new UdpListener(
                socket, HostAddress.ToUri("udp", socket.LocalEndPoint)!, _options, _characteristics, _logger);
            Log.Listening(_logger, listener.LocalAddress);
            listener.Start();
            return new ValueTask<IMessageListener>(listener);
        }
        catch (SocketException e)
        {
            socket?.Dispose();
            throw new TransportException($"The address {AddressText.Of(address)} could not be bound. {e.Message}", e);
        }
        catch
        {
            socket?.Dispose();
            throw;
        }
    }

    private async ValueTask<IMessageChannel> ConnectCoreAsync(Uri address, HostAddress host, CancellationToken cancellationToken)
    {
        Exception? failure = null;
        var found = await host.ResolveAsync(cancellationToken).ConfigureAwait(false);
        var first = _options.PreferIPv6 ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork;
        foreach (var target in found.OrderBy(one => one.AddressFamily == first ? 0 : 1))
        {
            cancellationToken.ThrowIfCancellationRequested();
            Socket? socket = null;
            try
            {
                socket = new Socket(target.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
                Configure(socket);
                if (UdpTransportOptions.IsMulticast(target))
                {
                    ConfigureMulticastSending(socket);
                }

                // Sends nothing: the kernel finds a route and a local address, and lets only this peer's datagrams in.
                await socket.ConnectAsync(new IPEndPoint(target, host.Port), cancellationToken).ConfigureAwait(false);
                return new UdpClientChannel(socket, _options, new MessageChannelContext
                {
                    TransportName = "udp",
                    Side = ChannelSide.Client,
                    Characteristics = _characteristics,
                    Options = _options,
                    LocalAddress = HostAddress.ToUri("udp", socket.LocalEndPoint),
                    RemoteAddress = address,
                    Logger = _logger,
                });
            }
            catch (SocketException e)
            {
                socket?.Dispose();
                failure = e;
            }
            catch
            {
                socket?.Dispose();
                throw;
            }
        }

        throw new TransportException(
            $"No socket could be opened towards {AddressText.Of(address)}. {failure?.Message}"
            + (failure is SocketException { SocketErrorCode: SocketError.AccessDenied } ? " For a broadcast address, set UdpTransportOptions.EnableBroadcast." : ""),
            failure);
    }

    private void Configure(Socket socket)
    {
        socket.ReceiveBufferSize = _options.SocketReceiveBufferSize;
        if (_options.SocketSendBufferSize > 0)
        {
            socket.SendBufferSize = _options.SocketSendBufferSize;
        }

        if (_options.EnableBroadcast)
        {
            socket.EnableBroadcast = true;
        }
    }

    private void ConfigureMulticastSending(Socket socket)
    {
        var level = socket.AddressFamily == AddressFamily.InterNetworkV6 ? SocketOptionLevel.IPv6 : SocketOptionLevel.IP;
        socket.SetSocketOption(level, SocketOptionName.MulticastTimeToLive, _options.MulticastTimeToLive);
        socket.SetSocketOption(level, SocketOptionName.MulticastLoopback, _options.MulticastLoopback);
        if (_options.MulticastInterface > 0)
        {
            socket.SetSocketOption(
                level,
                SocketOptionName.MulticastInterface,
                level == SocketOptionLevel.IP ? IPAddress.HostToNetworkOrder(_options.MulticastInterface) : _options.MulticastInterface);
        }
    }

    private void Join(Socket socket)
    {
        LinuxSocketCalls.HearJoinedGroupsOnly(socket);
        foreach (var group in _options.MulticastGroups)
        {
            if (group.AddressFamily == AddressFamily.InterNetworkV6)
            {
                socket.SetSocketOption(SocketOptionLevel.IPv6, SocketOptionName.AddMembership, new IPv6MulticastOption(group, _options.MulticastInterface));
            }
            else
            {
                socket.SetSocketOption(SocketOptionLevel.IP, SocketOptionName.AddMembership, new MulticastOption(group, _options.MulticastInterface));
            }
        }
    }
}
