using System.Diagnostics;
using System.Threading.Channels;

namespace Transports.Udp;

/// <summary>The peers of a listener: who is known, who is let in, whose place a newcomer gets, and who has been silent too long.</summary>
/// <remarks>
/// <list type="table">
/// <listheader><term>phase</term><description>what it means, and what comes next</description></listheader>
/// <item><term>Accepting</term><description>Newcomers are let in. Stopped by <see cref="Stop"/>.</description></item>
/// <item><term>Stopped</term><description>Known peers go on, newcomers are dropped. Draining by <see cref="BeginDrain"/>.</description></item>
/// <item><term>Draining</term><description>The listener was disposed; the socket is released with the last peer.</description></item>
/// </list>
/// <para>Known peers stand in one of two lists, each in the order in which they were heard last: <c>newcomers</c>, heard once only, and
/// <c>established</c>, heard again since. A forged address costs its sender one datagram and makes a newcomer, so when all places are taken
/// the newcomer that has been silent longest makes room at once; an established peer does only when it has been silent for
/// <see cref="UdpTransportOptions.EvictionIdleTime"/>. Otherwise the datagram is dropped and counted.</para>
/// </remarks>
internal sealed class UdpPeerTable
{
    private readonly UdpTransportOptions _options;
    private readonly Func<PeerKey, UdpPeerChannel> _open;
    private readonly Action _warnFull;
    private readonly Channel<UdpPeerChannel> _backlog;
    private readonly Lock _gate = new();

    // All below is guarded by the gate; the counters may be read without it.
    private readonly Dictionary<PeerKey, UdpPeerChannel> _peers = [];
    private readonly UdpPeerList _newcomers = new();
    private readonly UdpPeerList _established = new();
    private Phase _phase;
    private bool _warnedFull;
    private long _accepted;
    private long _timedOut;
    private long _evicted;
    private long _droppedPeerLimit;
    private long _droppedBacklogFull;
    private long _droppedNotAccepting;
    private long _droppedTooLarge;

    /// <summary>An empty table.</summary>
    /// <param name="options">Limits and clock.</param>
    /// <param name="open">Makes the channel of a newcomer, whose datagram is the one being looked at. Called under the gate.</param>
    /// <param name="warnFull">Called once each time all places are taken and one more peer comes.</param>
    public UdpPeerTable(UdpTransportOptions options, Func<PeerKey, UdpPeerChannel> open, Action warnFull)
    {
        _options = options;
        _open = open;
        _warnFull = warnFull;
        _backlog = Channel.CreateBounded<UdpPeerChannel>(new BoundedChannelOptions(options.AcceptBacklog) { SingleWriter = true });
    }

    private enum Phase
    {
        Accepting,
        Stopped,
        Draining,
    }

    /// <summary>Peers let in, to be accepted; some may have ended since.</summary>
    public ChannelReader<UdpPeerChannel> Backlog => _backlog.Reader;

    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _peers.Count;
            }
        }
    }

    public long Accepted => Volatile.Read(ref _accepted);

    public long TimedOut => Volatile.Read(ref _timedOut);

    public long Evicted => Volatile.Read(ref _evicted);

    public long DroppedPeerLimit => Volatile.Read(ref _droppedPeerLimit);

    public long DroppedBacklogFull => Volatile.Read(ref _droppedBacklogFull);

    public long DroppedNotAccepting => Volatile.Read(ref _droppedNotAccepting);

    public long DroppedTooLarge => Volatile.Read(ref _droppedTooLarge);

    /// <summary>Disposed, and no peer is left.</summary>
    public bool IsDrained
    {
        get
        {
            lock (_gate)
            {
                return IsDrainedUnderGate;
            }
        }
    }

    private bool IsDrainedUnderGate
    {
        get
        {
            Debug.Assert(_gate.IsHeldByCurrentThread, "Reads the phase and the peers together.");
            return _phase == Phase.Draining && _peers.Count == 0;
        }
    }

    /// <summary>The peer that a datagram is of, noted as heard now; a newcomer is let in where there is room.</summary>
    /// <param name="key">Whose datagram it is.</param>
    /// <param name="now">The time, as a timestamp of the clock.</param>
    /// <param name="tooLarge">It is over the limit, and opens no channel.</param>
    /// <returns><see langword="null"/> when the datagram is to be dropped; it is counted.</returns>
    public UdpPeerChannel? GetOrAdmit(in PeerKey key, long now, bool tooLarge)
    {
        UdpPeerChannel channel;
        UdpPeerChannel? evicted = null;
        lock (_gate)
        {
            if (_peers.TryGetValue(key, out var known))
            {
                Move(known, now);
                return known;
            }

            if (!MayAdmit(tooLarge, now, ref evicted))
            {
                return null;
            }

            channel = _open(key);
            channel.LastHeard = now;
            _peers.Add(key, channel);
            _newcomers.Add(channel);
        }

        // Outside of the gate, as its end comes back to Remove.
        evicted?.Evict(_options.MaxPeers);
        if (!_backlog.Writer.TryWrite(channel))
        {
            // Stopped meanwhile.
            Interlocked.Increment(ref _droppedNotAccepting);
            _ = channel.DisposeAsync().AsTask();
            return null;
        }

        Interlocked.Increment(ref _accepted);
        return channel;
    }

    /// <summary>The peer that was heard last is heard again.</summary>
    public void NoteHeardAgain(UdpPeerChannel peer, long now)
    {
        peer.LastHeard = now;
        if (peer.List == _newcomers)
        {
            lock (_gate)
            {
                Move(peer, now);
            }
        }
    }

    /// <summary>A peer's channel has ended.</summary>
    /// <returns><see langword="true"/> when it was the last of a listener that was disposed.</returns>
    public bool Remove(UdpPeerChannel peer)
    {
        lock (_gate)
        {
            // An abort may overtake a close and come here too, when the peer has a new channel already: that one stays.
            if (!((ICollection<KeyValuePair<PeerKey, UdpPeerChannel>>)_peers).Remove(new(peer.Key, peer)))
            {
                return false;
            }

            peer.List?.Remove(peer);
            return IsDrainedUnderGate;
        }
    }

    /// <summary>Ends the peers that have been silent for the idle timeout.</summary>
    public void Sweep()
    {
        List<UdpPeerChannel>? idle = null;
        lock (_gate)
        {
            _warnedFull &= _peers.Count >= _options.MaxPeers;
            var now = _options.TimeProvider.GetTimestamp();
            foreach (var list in (ReadOnlySpan<UdpPeerList>)[_newcomers, _established])
            {
                for (var peer = list.Oldest; peer is not null && IsSilentFor(peer, _options.IdleTimeout, now); peer = peer.Newer)
                {
                    (idle ??= []).Add(peer);
                }
            }
        }

        foreach (var peer in idle ?? [])
        {
            if (peer.TimeOut(_options.IdleTimeout))
            {
                Interlocked.Increment(ref _timedOut);
            }
        }
    }

    /// <summary>Lets nobody in any more.</summary>
    /// <param name="failure">Why, where reading has failed: whoever waits for a peer gets it.</param>
    /// <returns>The peers there are.</returns>
    public UdpPeerChannel[] Stop(Exception? failure = null)
    {
        UdpPeerChannel[] peers;
        lock (_gate)
        {
            _phase = _phase == Phase.Accepting ? Phase.Stopped : _phase;
            peers = failure is null ? [] : [.. _peers.Values];
        }

        _backlog.Writer.TryComplete(failure);
        return peers;
    }

    /// <summary>The listener was disposed.</summary>
    /// <returns><see langword="true"/> when no peer is left.</returns>
    public bool BeginDrain()
    {
        lock (_gate)
        {
            _phase = Phase.Draining;
            return IsDrainedUnderGate;
        }
    }

    private bool MayAdmit(bool tooLarge, long now, ref UdpPeerChannel? evicted)
    {
        Debug.Assert(_gate.IsHeldByCurrentThread, "Counts, and takes a peer out.");
        if (tooLarge)
        {
            _droppedTooLarge++;
            return false;
        }

        if (_phase != Phase.Accepting)
        {
            Interlocked.Increment(ref _droppedNotAccepting);
            return false;
        }

        if (_backlog.Reader.Count >= _options.AcceptBacklog)
        {
            _droppedBacklogFull++;
            return false;
        }

        if (_peers.Count < _options.MaxPeers)
        {
            return true;
        }

        if (!_warnedFull)
        {
            _warnedFull = true;
            _warnFull();
        }

        evicted = FindEvictable(now);
        if (evicted is null)
        {
            _droppedPeerLimit++;
            return false;
        }

        _evicted++;
        _peers.Remove(evicted.Key);
        evicted.List!.Remove(evicted);
        return true;
    }

    private UdpPeerChannel? FindEvictable(long now)
        => _newcomers.Oldest
            ?? (_options.EvictionIdleTime != Timeout.InfiniteTimeSpan
                && _established.Oldest is { } oldest
                && IsSilentFor(oldest, _options.EvictionIdleTime, now)
                ? oldest
                : null);

    private void Move(UdpPeerChannel peer, long now)
    {
        Debug.Assert(_gate.IsHeldByCurrentThread, "Changes the lists.");
        peer.LastHeard = now;
        if (peer.List is { } list)
        {
            list.Remove(peer);
            _established.Add(peer);
        }
    }

    private bool IsSilentFor(UdpPeerChannel peer, TimeSpan time, long now) => _options.TimeProvider.GetElapsedTime(peer.LastHeard, now) >= time;
}
