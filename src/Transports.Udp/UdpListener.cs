using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;

namespace Transports;

/// <summary>Splits the datagrams of one socket by sender into channels.</summary>
/// <remarks>
/// <para>One reader at a time reads the socket and puts each datagram into its peer's bounded queue, never waiting for anybody. It
/// then begins the next read, and only when that has to wait runs one of the receivers it has news for; the others
/// run on the thread pool. So a handler that is slow, or blocks, holds up nobody else, and an answer needs no thread hop.</para>
/// <para>The socket lives until the listener is disposed and the last of its channels has ended.</para>
/// </remarks>
internal sealed class UdpListener : IMessageListener, IUdpListenerStatistics
{
    // A shared socket's errors concern one datagram each, so reading goes on; but one that fails every time must not take a processor.
    private const int MostFailuresInARow = 100;
    private static readonly TimeSpan s_pauseAfterFailures = TimeSpan.FromMilliseconds(10);

    private readonly UdpTransportOptions _options;
    private readonly ChannelCharacteristics _characteristics;
    private readonly ILogger _logger;
    private readonly ILogger _channelLogger;
    private readonly DatagramReader _reader;
    private readonly Dictionary<PeerKey, UdpPeerChannel> _peers = [];
    private readonly Lock _gate = new();
    private readonly Channel<UdpPeerChannel> _backlog;
    private readonly List<UdpPeerChannel> _toWake = [];
    private readonly ITimer _sweep;
    private UdpPeerChannel? _current;
    private bool _accepting = true;
    private bool _disposed;
    private bool _warnedFull;
    private int _failuresInARow;
    private long _kernelDrops;
    private long _peersAccepted;
    private long _peersTimedOut;
    private long _droppedMaxPeers;
    private long _droppedBacklogFull;
    private long _droppedNotAccepting;
    private long _droppedTooLarge;

    public UdpListener(Socket socket, Uri address, UdpTransportOptions options, ChannelCharacteristics characteristics, ILogger logger, ILogger channelLogger)
    {
        Socket = socket;
        LocalAddress = address;
        _options = options;
        _characteristics = characteristics;
        _logger = logger;
        _channelLogger = channelLogger;
        _reader = new DatagramReader(socket, connected: false, options, OnReadable);
        _backlog = Channel.CreateBounded<UdpPeerChannel>(new BoundedChannelOptions(options.AcceptBacklog) { SingleWriter = true });

        // A timer takes whole milliseconds, and 0 would be a timer that fires once.
        var period = TimeSpan.FromMilliseconds(Math.Max(options.IdleTimeout.TotalMilliseconds / 4, 1));
        _sweep = options.TimeProvider.CreateTimer(static state => ((UdpListener)state!).Sweep(), this, period, period);
    }

    public Uri LocalAddress { get; }

    public Socket Socket { get; }

    public UdpCounters Counters { get; } = new();

    public int Peers
    {
        get
        {
            lock (_gate)
            {
                return _peers.Count;
            }
        }
    }

    public long PeersAccepted => Volatile.Read(ref _peersAccepted);

    public long PeersTimedOut => Volatile.Read(ref _peersTimedOut);

    public long DroppedMaxPeers => Volatile.Read(ref _droppedMaxPeers);

    public long DroppedBacklogFull => Volatile.Read(ref _droppedBacklogFull);

    public long DroppedNotAccepting => Volatile.Read(ref _droppedNotAccepting);

    public long DatagramsSent => Counters.DatagramsSent;

    public long BytesSent => Counters.BytesSent;

    public long DatagramsReceived => Counters.DatagramsReceived;

    public long BytesReceived => Counters.BytesReceived;

    public long DroppedUnsent => Counters.DroppedUnsent;

    public long DroppedQueueFull => Counters.DroppedQueueFull;

    public long DroppedTooLarge => Counters.DroppedTooLarge + Volatile.Read(ref _droppedTooLarge);

    public long RefusedUnanswered => Counters.RefusedUnanswered;

    public long DroppedByKernel => Math.Max(Volatile.Read(ref _kernelDrops), LinuxSocketCalls.ReadKernelDrops(Socket));

    /// <summary>Begins to read. Called once, when the listener is handed out.</summary>
    public void Start() => ThreadPool.UnsafeQueueUserWorkItem(static listener => listener.Read(), this, preferLocal: false);

    public async ValueTask<IMessageChannel?> AcceptAsync(CancellationToken cancellationToken = default)
    {
        while (await _backlog.Reader.WaitToReadAsync(cancellationToken).ConfigureAwait(false))
        {
            if (!_backlog.Reader.TryRead(out var channel))
            {
                continue;
            }

            if (!channel.Closed.IsCompleted)
            {
                return channel;
            }

            // One that timed out in the backlog is of no use to anybody, and only disposal gives its buffers back.
            await channel.DisposeAsync().ConfigureAwait(false);
        }

        return null;
    }

    public ValueTask StopAcceptingAsync(CancellationToken cancellationToken = default)
    {
        lock (_gate)
        {
            _accepting = false;
        }

        _backlog.Writer.TryComplete();
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        await StopAcceptingAsync().ConfigureAwait(false);
        while (_backlog.Reader.TryRead(out var channel))
        {
            await channel.DisposeAsync().ConfigureAwait(false);
        }

        bool last;
        lock (_gate)
        {
            _disposed = true;
            last = _peers.Count == 0;
        }

        if (last)
        {
            await GiveBackAsync().ConfigureAwait(false);
        }
    }

    /// <summary>A channel has ended. What its peer still sends opens a new one.</summary>
    public void Remove(UdpPeerChannel channel)
    {
        bool last;
        lock (_gate)
        {
            // An abort may overtake a close and come here too, when the peer has a new channel already: that one stays.
            last = ((ICollection<KeyValuePair<PeerKey, UdpPeerChannel>>)_peers).Remove(new(channel.Key, channel)) && _disposed && _peers.Count == 0;
        }

        if (last)
        {
            _ = GiveBackAsync();
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
            if (!GoesOnAfter(e))
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
                one = Split();
                if (!_reader.TryStartRead())
                {
                    one?.Wake();
                    return;
                }
            }
            catch (Exception e)
            {
                Queue(one);
                if (!GoesOnAfter(e))
                {
                    _reader.Release();
                    return;
                }

                if (_failuresInARow >= MostFailuresInARow)
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
        await Task.Delay(s_pauseAfterFailures, _options.TimeProvider).ConfigureAwait(false);
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
    private UdpPeerChannel? Split()
    {
        var now = _options.TimeProvider.GetTimestamp();
        UdpPeerChannel? first = null;
        while (_reader.TryTake(out var datagram, out var tooLarge))
        {
            if (_reader.SenderIsNew)
            {
                _failuresInARow = 0;
                var key = PeerKey.Read(_reader.Sender, Socket.AddressFamily);
                if (_current is not { } current || current.Key != key || current.Closed.IsCompleted)
                {
                    _current = Find(key, tooLarge);
                }

                if (_current is not null)
                {
                    _current.LastHeard = now;
                }
            }
            else
            {
                // The channel may have ended between two datagrams that came together.
                _current ??= Find(PeerKey.Read(_reader.Sender, Socket.AddressFamily), tooLarge);
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

    private UdpPeerChannel? Find(PeerKey key, bool tooLarge)
    {
        UdpPeerChannel channel;
        lock (_gate)
        {
            if (_peers.TryGetValue(key, out var known))
            {
                return known;
            }

            if (tooLarge)
            {
                _droppedTooLarge++;
                return null;
            }

            if (!_accepting)
            {
                _droppedNotAccepting++;
                return null;
            }

            if (_peers.Count >= _options.MaxPeers)
            {
                _droppedMaxPeers++;
                if (!_warnedFull)
                {
                    _warnedFull = true;
                    UdpLog.PeersFull(_logger, LocalAddress, _options.MaxPeers);
                }

                return null;
            }

            if (_backlog.Reader.Count >= _options.AcceptBacklog)
            {
                _droppedBacklogFull++;
                return null;
            }

            channel = Open(key);
            _peers.Add(key, channel);
        }

        if (!_backlog.Writer.TryWrite(channel))
        {
            // Stopped meanwhile.
            Interlocked.Increment(ref _droppedNotAccepting);
            _ = channel.DisposeAsync().AsTask();
            return null;
        }

        Interlocked.Increment(ref _peersAccepted);
        return channel;
    }

    private UdpPeerChannel Open(PeerKey key)
    {
        var size = SocketAddress.GetMaximumAddressSize(Socket.AddressFamily);
        var address = new SocketAddress(Socket.AddressFamily, Socket.AddressFamily == AddressFamily.InterNetworkV6 ? 28 : 16);
        Debug.Assert(address.Size <= size, "A socket address has its family's size.");
        _reader.Sender[..address.Size].CopyTo(address.Buffer.Span);
        var peer = (IPEndPoint)new IPEndPoint(Socket.AddressFamily == AddressFamily.InterNetworkV6 ? IPAddress.IPv6Any : IPAddress.Any, 0).Create(address);
        return new UdpPeerChannel(this, key, address, _options, new MessageChannelContext
        {
            Transport = "udp",
            Side = ChannelSide.Server,
            Characteristics = _characteristics,
            Options = _options,
            LocalAddress = LocalAddress,
            RemoteAddress = UdpAddresses.ToUri(peer),
            Logger = _channelLogger,
        })
        {
            LastHeard = _options.TimeProvider.GetTimestamp(),
        };
    }

    private void Sweep()
    {
        List<UdpPeerChannel>? idle = null;
        lock (_gate)
        {
            _warnedFull &= _peers.Count >= _options.MaxPeers;
            var now = _options.TimeProvider.GetTimestamp();
            foreach (var peer in _peers.Values)
            {
                if (_options.TimeProvider.GetElapsedTime(peer.LastHeard, now) >= _options.IdleTimeout)
                {
                    (idle ??= []).Add(peer);
                }
            }
        }

        foreach (var peer in idle ?? [])
        {
            if (peer.TimeOut(_options.IdleTimeout))
            {
                Interlocked.Increment(ref _peersTimedOut);
            }
        }
    }

    // A shared socket hears errors that concern one datagram; only its disposal ends the reading.
    private bool GoesOnAfter(Exception error)
    {
        lock (_gate)
        {
            if (_disposed && _peers.Count == 0)
            {
                return false;
            }
        }

        if (error is SocketException { SocketErrorCode: not (SocketError.OperationAborted or SocketError.NotSocket) })
        {
            _failuresInARow++;
            UdpLog.ReadFailed(_logger, error, LocalAddress);
            return true;
        }

        UdpLog.ListenerFailed(_logger, error, LocalAddress);
        var failure = new TransportException($"The listener at {LocalAddress} failed and reads no more; open it again.", error);
        UdpPeerChannel[] peers;
        lock (_gate)
        {
            _accepting = false;
            peers = [.. _peers.Values];
        }

        _backlog.Writer.TryComplete(failure);
        foreach (var peer in peers)
        {
            // They would wait for what nobody reads.
            peer.Lose(failure);
        }

        return false;
    }

    private async Task GiveBackAsync()
    {
        await _sweep.DisposeAsync().ConfigureAwait(false);

        // Comes here again when it is disposed again; the socket then knows nothing any more.
        Volatile.Write(ref _kernelDrops, DroppedByKernel);
        Socket.Dispose();
    }
}
