using System.Net.Quic;
using System.Runtime.Versioning;
using System.Security.Authentication;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Transports.Extensibility;

namespace Transports;

/// <summary>Accepts connections, and the channels that their peers open on them.</summary>
[SupportedOSPlatform("linux")]
[SupportedOSPlatform("macos")]
[SupportedOSPlatform("windows")]
internal sealed class QuicMessageListener : IMessageListener, IQuicListenerStatistics
{
    private readonly QuicListenerCounters _counters = new();
    private readonly QuicListener _listener;
    private readonly QuicTransportOptions _options;
    private readonly ILogger _logger;
    private readonly Channel<IMessageChannel> _accepted;
    private readonly HashSet<QuicPeer> _peers = [];
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

    public Uri LocalAddress { get; }

    public int Connections
    {
        get
        {
            lock (_gate)
            {
                return _peers.Count;
            }
        }
    }

    public int PendingStreams => _counters.PendingStreams;

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
        while (_accepted.Reader.TryRead(out var channel))
        {
            await channel.CloseAsync(ChannelCloseStatus.GoingAway).ConfigureAwait(false);
            await channel.DisposeAsync().ConfigureAwait(false);
        }

        QuicPeer[] peers;
        lock (_gate)
        {
            peers = [.. _peers];
        }

        await Task.WhenAll(peers.Select(static peer => peer.CloseWhenUnusedAsync().AsTask())).ConfigureAwait(false);
    }

    // Whoever disposes meanwhile waits for it too: until then connections may come that the disposal has to close.
    private async Task StopOnceAsync()
    {
        await Task.Yield();
        _accepted.Writer.TryComplete();
        await _listener.DisposeAsync().ConfigureAwait(false);
        await _accepting.ConfigureAwait(false);
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
                QuicLog.HandshakeFailed(_logger, LocalAddress, e.Message);
                continue;
            }
            catch (Exception e)
            {
                QuicLog.ListenerFailed(_logger, e, LocalAddress);
                _accepted.Writer.TryComplete(new TransportException($"The listener at {AddressText.Of(LocalAddress)} failed and accepts no more; open it again.", e));
                return;
            }

            _ = ServeAsync(connection);
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
        var peer = new QuicPeer(connection, _options, ChannelSide.Server, remoteAddress: null, _accepted, _logger, _counters);
        bool refused;
        lock (_gate)
        {
            refused = _peers.Count >= _options.MaxConnections;
            if (!refused)
            {
                _peers.Add(peer);
            }
        }

        if (refused)
        {
            _counters.ConnectionRefused();
            QuicLog.ConnectionsFull(_logger, LocalAddress, _options.MaxConnections);
            await peer.CloseAsync(QuicCodes.FromStatus(ChannelCloseStatus.PolicyViolation)).ConfigureAwait(false);
            return;
        }

        await peer.AcceptStreamsAsync().ConfigureAwait(false);
        lock (_gate)
        {
            _peers.Remove(peer);
        }

        await peer.DisposeAsync().ConfigureAwait(false);
    }
}
