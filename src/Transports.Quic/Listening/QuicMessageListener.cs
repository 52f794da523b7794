using System.Diagnostics;
using System.Net;
using System.Net.Quic;
using System.Net.Sockets;
using System.Runtime.Versioning;
using System.Security.Authentication;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;

namespace Transports.Quic;

/// <summary>Accepts connections, and the channels that their peers open on them.</summary>
/// <remarks>
/// <list type="table">
/// <listheader><term>phase</term><description>what it means, and what comes next</description></listheader>
/// <item><term>accepting</term><description>Connections come and are served. <see cref="StopAcceptingAsync"/> begins the stop.</description></item>
/// <item><term>stopped</term><description>The native listener is gone and none is on its way any more; channels never accepted are closed as GoingAway, connections go on.</description></item>
/// <item><term>disposed</term><description>Each connection goes with its last channel.</description></item>
/// </list>
/// </remarks>
[SupportedOSPlatform("linux")]
[SupportedOSPlatform("macos")]
[SupportedOSPlatform("windows")]
[DebuggerDisplay("{LocalAddress}, {ActiveConnections} connections, {PendingStreamCount} streams pending")]
internal sealed class QuicMessageListener : IMessageListener, IQuicListenerStatisticsFeature
{
    private readonly QuicListenerCounters _counters = new();
    private readonly QuicListener _listener;
    private readonly QuicTransportOptions _options;
    private readonly ILogger _logger;
    private readonly Channel<IMessageChannel> _accepted;
    private readonly HashSet<MultiplexedQuicConnection> _connections = [];
    private readonly Lock _gate = new();
    private readonly Task _accepting;
    private Task? _stopped;

    public QuicMessageListener(QuicListener listener, Uri address, QuicTransportOptions options, ILogger logger)
    {
        _listener = listener;
        LocalAddress = address;
        _options = options;
        _logger = logger;
        _accepted = Channel.CreateBounded<IMessageChannel>(options.AcceptBacklog);
        _accepting = Task.Run(AcceptConnectionsAsync);
    }

    /// <summary>Binds an address and listens there.</summary>
    public static async ValueTask<IMessageListener> StartAsync(Uri address, QuicTransportOptions options, ILogger logger, CancellationToken cancellationToken)
    {
        var target = HostAddress.Parse(address).ToListenAddress();
        var certificate = options.TlsServer.CreateCertificateSelector(address);
        try
        {
            var listener = await QuicListener.ListenAsync(
                new QuicListenerOptions
                {
                    ListenEndPoint = new IPEndPoint(target, address.Port),
                    ApplicationProtocols = [options.ApplicationProtocol],
                    ListenBacklog = options.ListenBacklog,
                    ConnectionOptionsCallback = (_, hello, _) => ValueTask.FromResult(QuicConnectionOptionsFactory.ServerOptions(hello, certificate, options)),
                },
                cancellationToken).ConfigureAwait(false);
            var bound = HostAddress.ToUri("quic", listener.LocalEndPoint)!;
            Log.Listening(logger, bound);
            return new QuicMessageListener(listener, bound, options, logger);
        }
        catch (Exception e) when (e is QuicException or SocketException)
        {
            throw new TransportException($"The address {AddressText.Of(address)} could not be bound. {e.Message}", e);
        }
    }

    public Uri LocalAddress { get; }

    public int ActiveConnections
    {
        get
        {
            lock (_gate)
            {
                return _connections.Count;
            }
        }
    }

    public int PendingStreamCount => _counters.PendingStreamCount;

    public long ConnectionsRefused => _counters.ConnectionsRefused;

    public long HandshakesFailed => _counters.HandshakesFailed;

    public long StreamsRefused => _counters.StreamsRefused;

    public async ValueTask<IMessageChannel?> AcceptAsync(CancellationToken cancellationToken = default)
    {
        while (await _accepted.Reader.WaitToReadAsync(cancellationToken).ConfigureAwait(false))
        {
            if (_accepted.Reader.TryRead(out var channel))
            {
                return channel;
            }
        }

        return null;
    }

    public async ValueTask StopAcceptingAsync(CancellationToken cancellationToken = default)
    {
        Task stopped;
        lock (_gate)
        {
            stopped = _stopped ??= StopOnceAsync();
        }

        await stopped.ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        await StopAcceptingAsync().ConfigureAwait(false);
        MultiplexedQuicConnection[] connections;
        lock (_gate)
        {
            connections = [.. _connections];
        }

        await Task.WhenAll(connections.Select(static one => one.CloseWhenUnusedAsync().AsTask())).ConfigureAwait(false);
    }

    // Whoever disposes meanwhile waits for it too: until then connections may come that the disposal has to close.
    private async Task StopOnceAsync()
    {
        await Task.Yield();
        _accepted.Writer.TryComplete();
        await _listener.DisposeAsync().ConfigureAwait(false);
        await _accepting.ConfigureAwait(false);
        while (_accepted.Reader.TryRead(out var channel))
        {
            await channel.CloseAsync(ChannelCloseStatus.GoingAway, "The listener stopped before it accepted this channel.").ConfigureAwait(false);
            await channel.DisposeAsync().ConfigureAwait(false);
        }
    }

    private async Task AcceptConnectionsAsync()
    {
        while (true)
        {
            QuicConnection connection;
            try
            {
                // Handshakes go on side by side; each ends here, well or not.
                connection = await _listener.AcceptConnectionAsync(CancellationToken.None).ConfigureAwait(false);
            }
            catch (ObjectDisposedException)
            {
                return;
            }
            catch (QuicException e) when (e.QuicError == QuicError.OperationAborted && IsStopped)
            {
                return;
            }
            catch (Exception e) when (e is QuicException or AuthenticationException or OperationCanceledException)
            {
                _counters.HandshakeFailed();
                Log.HandshakeFailed(_logger, LocalAddress, e.Message);
                continue;
            }
            catch (Exception e)
            {
                Log.ListenerFailed(_logger, e, LocalAddress);
                _accepted.Writer.TryComplete(new TransportException($"The listener at {AddressText.Of(LocalAddress)} failed and accepts no more; open it again.", e));
                return;
            }

            _ = ServeAsync(connection);
        }
    }

    /// <summary>The stop is over: no connection comes any more.</summary>
    public bool HasStopped
    {
        get
        {
            lock (_gate)
            {
                return _stopped is { IsCompleted: true };
            }
        }
    }

    private bool IsStopped
    {
        get
        {
            lock (_gate)
            {
                return _stopped is not null;
            }
        }
    }

    private async Task ServeAsync(QuicConnection connection)
    {
        var served = new MultiplexedQuicConnection(connection, _options, ChannelSide.Server, remoteAddress: null, _accepted, _logger, _counters);
        bool refused;
        lock (_gate)
        {
            refused = _connections.Count >= _options.MaxConnections;
            if (!refused)
            {
                _connections.Add(served);
            }
        }

        if (refused)
        {
            _counters.ConnectionRefused();
            Log.ConnectionsFull(_logger, LocalAddress, _options.MaxConnections);
            await served.CloseAsync(QuicCodes.FromStatus(ChannelCloseStatus.PolicyViolation)).ConfigureAwait(false);
            return;
        }

        await served.AcceptStreamsAsync().ConfigureAwait(false);
        lock (_gate)
        {
            _connections.Remove(served);
        }

        await served.DisposeAsync().ConfigureAwait(false);
    }
}
