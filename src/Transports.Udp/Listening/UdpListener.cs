using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;

namespace Transports.Udp;

/// <summary>Gives each datagram of one socket to the channel of its sender.</summary>
/// <remarks>
/// <para>One reader at a time reads the socket and puts each datagram into its peer's bounded queue, never waiting for anybody. It
/// then begins the next read, and only when that has to wait runs one of the receivers it has news for; the others
/// run on the thread pool. So a handler that is slow, or blocks, holds up nobody else, and an answer needs no thread hop.</para>
/// <list type="table">
/// <listheader><term>the reader</term><description>what happens next</description></listheader>
/// <item><term>waits for the socket</term><description>OnReadable takes what came, and it dispatches.</description></item>
/// <item><term>dispatches</term><description>Datagrams go to their queues; then it reads on, or waits again.</description></item>
/// <item><term>pauses</term><description>After <see cref="MaxFailuresInARow"/> failed reads, for <see cref="PauseAfterFailures"/>; then it reads on.</description></item>
/// <item><term>has ended</term><description>The socket is gone: by <see cref="ReleaseAsync"/>, or by itself, which ends accepting and all channels.</description></item>
/// </list>
/// <para>The socket lives until the listener is disposed and the last of its channels has ended. Who is let in is the <see cref="UdpPeerTable"/>'s affair.</para>
/// </remarks>
[DebuggerDisplay("{LocalAddress}, {ActivePeers} peers")]
internal sealed partial class UdpListener : IMessageListener, IUdpListenerStatisticsFeature
{
    // A shared socket's errors concern one datagram each, so reading goes on; but one that fails every time must not take a processor.
    private const int MaxFailuresInARow = 100;
    private static readonly TimeSpan PauseAfterFailures = TimeSpan.FromMilliseconds(10);

    private readonly UdpTransportOptions _options;
    private readonly ChannelCharacteristics _characteristics;
    private readonly ILogger _logger;
    private readonly DatagramReader _reader;
    private readonly UdpPeerTable _peers;
    private readonly ITimer _sweep;
    private readonly IPEndPoint _bound;

    // The reader's alone.
    private readonly List<UdpPeerChannel> _toWake = [];
    private UdpPeerChannel? _current;
    private int _failuresInARow;

    public UdpListener(Socket socket, Uri address, UdpTransportOptions options, ChannelCharacteristics characteristics, ILogger logger)
    {
        Socket = socket;
        LocalAddress = address;
        _options = options;
        _characteristics = characteristics;
        _logger = logger;
        Counters = new UdpCounters(new KernelDropCounter(socket));
        Room = new SendRoom(socket);

        // Bound to no address in particular, it has to answer from the one that was asked.
        _bound = (IPEndPoint)socket.LocalEndPoint!;
        var isWildcard = _bound.Address.Equals(IPAddress.Any) || _bound.Address.Equals(IPAddress.IPv6Any);
        var tellsLocal = isWildcard && options.Calls.IsSupported && options.Calls.TryEnablePacketInfo(socket);
        _reader = new DatagramReader(socket, connected: false, options, OnReadable, tellsLocal);
        _peers = new UdpPeerTable(options, Open, () => Log.PeersFull(logger, address, options.MaxPeers));

        // A timer takes whole milliseconds, and 0 would be a timer that fires once.
        var period = TimeSpan.FromMilliseconds(Math.Max(options.IdleTimeout.TotalMilliseconds / 4, 1));
        _sweep = options.TimeProvider.CreateTimer(static state => ((UdpListener)state!)._peers.Sweep(), this, period, period);
    }

    public Uri LocalAddress { get; }

    public Socket Socket { get; }

    public UdpCounters Counters { get; }

    /// <summary>Where its channels wait for the socket to take more.</summary>
    public SendRoom Room { get; }

    /// <summary>Begins to read. Called once, when the listener is handed out.</summary>
    public void Start() => ThreadPool.UnsafeQueueUserWorkItem(static listener => listener.Read(), this, preferLocal: false);

    public async ValueTask<IMessageChannel?> AcceptAsync(CancellationToken cancellationToken = default)
    {
        while (await _peers.Backlog.WaitToReadAsync(cancellationToken).ConfigureAwait(false))
        {
            if (!_peers.Backlog.TryRead(out var channel))
            {
                continue;
            }

            if (!channel.Closed.IsCompleted)
            {
                return channel;
            }

            // One that ended in the backlog is of no use to anybody, and only disposal releases its buffers.
            await channel.DisposeAsync().ConfigureAwait(false);
        }

        return null;
    }

    public ValueTask StopAcceptingAsync(CancellationToken cancellationToken = default)
    {
        _peers.Stop();
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        _peers.Stop();
        while (_peers.Backlog.TryRead(out var channel))
        {
            await channel.DisposeAsync().ConfigureAwait(false);
        }

        if (_peers.BeginDrain())
        {
            await ReleaseAsync().ConfigureAwait(false);
        }
    }

    /// <summary>A channel has ended. What its peer still sends opens a new one.</summary>
    public void Remove(UdpPeerChannel channel)
    {
        if (_peers.Remove(channel))
        {
            _ = ReleaseAsync();
        }
    }

    // On a thread of the socket's. From TryStartRead's false on, this may run on another thread at the same time, so
    // nothing of the reader's is touched after it.
    private void OnReadable()
    {
        try
        {
            _reader.CompleteRead();
        }
        catch (Exception e)
        {
            if (!ShouldContinueAfter(e))
            {
                _reader.Release();
                return;
            }
        }

        Read();
    }

    private void Read()
    {
        while (true)
        {
            UdpPeerChannel? one = null;
            try
            {
                one = Dispatch();
                if (!_reader.TryStartRead())
                {
                    one?.Wake();
                    return;
                }
            }
            catch (Exception e)
            {
                Queue(one);
                if (!ShouldContinueAfter(e))
                {
                    _reader.Release();
                    return;
                }

                if (_failuresInARow >= MaxFailuresInARow)
                {
                    _ = ReadLaterAsync();
                    return;
                }

                continue;
            }

            // More is there already: that comes before running anybody's code.
            Queue(one);
        }
    }

    private async Task ReadLaterAsync()
    {
        await Task.Delay(PauseAfterFailures, _options.TimeProvider).ConfigureAwait(false);
        Read();
    }

    private static void Queue(UdpPeerChannel? channel)
    {
        if (channel is not null)
        {
            ThreadPool.UnsafeQueueUserWorkItem(channel, preferLocal: false);
        }
    }

    // Puts what was read into the peers' queues. Returns one peer to wake; the others are queued.
    private UdpPeerChannel? Dispatch()
    {
        var now = _options.TimeProvider.GetTimestamp();
        while (_reader.TryTake(out var datagram, out var tooLarge))
        {
            // Joined datagrams have one sender; where there was no room for the first, each of the others is looked at, and counted, too.
            if (_reader.SenderIsNew || _current is null)
            {
                _failuresInARow = 0;
                _current = Find(PeerKey.Read(_reader.Sender, Socket.AddressFamily, _reader.Local), now, tooLarge);
            }

            if (_current is not { } peer)
            {
                continue;
            }

            if (tooLarge)
            {
                peer.CountTooLarge();
            }
            else if (peer.Enqueue(datagram.Span) && !peer.IsToBeWoken)
            {
                peer.IsToBeWoken = true;
                _toWake.Add(peer);
            }
        }

        UdpPeerChannel? first = null;
        foreach (var peer in _toWake)
        {
            peer.IsToBeWoken = false;
            if (first is null)
            {
                first = peer;
            }
            else
            {
                Queue(peer);
            }
        }

        _toWake.Clear();
        return first;
    }

    private UdpPeerChannel? Find(in PeerKey key, long now, bool tooLarge)
    {
        if (_current is { } current && current.Key == key && !current.Closed.IsCompleted)
        {
            _peers.NoteHeardAgain(current, now);
            return current;
        }

        return _peers.GetOrAdmit(key, now, tooLarge);
    }

    // Called by the table, for the datagram being dispatched.
    private UdpPeerChannel Open(PeerKey key)
    {
        var isIPv6 = Socket.AddressFamily == AddressFamily.InterNetworkV6;
        var address = new SocketAddress(Socket.AddressFamily, isIPv6 ? 28 : 16);
        _reader.Sender[..address.Size].CopyTo(address.Buffer.Span);
        var peer = (IPEndPoint)new IPEndPoint(isIPv6 ? IPAddress.IPv6Any : IPAddress.Any, 0).Create(address);
        var local = key.Local.IsKnown ? new IPEndPoint(key.Local.ToIPAddress(), LocalAddress.Port) : _bound;
        return new UdpPeerChannel(this, key, address, new UdpEndPoints(local, peer), _options, new MessageChannelContext
        {
            TransportName = "udp",
            Side = ChannelSide.Server,
            Characteristics = _characteristics,
            Options = _options,
            LocalAddress = HostAddress.ToUri("udp", local),
            RemoteAddress = HostAddress.ToUri("udp", peer),
            Logger = _logger,
        });
    }

    // A shared socket hears errors that concern one datagram; only its disposal ends the reading.
    private bool ShouldContinueAfter(Exception error)
    {
        if (_peers.IsDrained)
        {
            return false;
        }

        if (error is SocketException { SocketErrorCode: not (SocketError.OperationAborted or SocketError.NotSocket) })
        {
            _failuresInARow++;
            Log.ReadFailed(_logger, error, LocalAddress);
            return true;
        }

        Log.ListenerFailed(_logger, error, LocalAddress);
        var failure = new TransportException($"The listener at {AddressText.Of(LocalAddress)} failed and reads no more; open it again.", error);
        foreach (var peer in _peers.Stop(failure))
        {
            // They would wait for what nobody reads.
            peer.Terminate(failure);
        }

        return false;
    }

    private async Task ReleaseAsync()
    {
        await _sweep.DisposeAsync().ConfigureAwait(false);
        Counters.KeepKernelDrops();
        Socket.Dispose();
    }
}
