namespace Transports.Engine;

/// <content>The watch: the channel sees its peer while nobody receives.</content>
/// <remarks>
/// While no receive is in progress and fewer than the bound of unreceived bytes are held, one read is pending; it is the read a receive would have begun, and the
/// next receive takes it over. It is begun by a tick on channels whose receive gate has not moved since the tick before, so that a busy channel pays nothing. While a
/// message is lent or bytes lie in the buffer, it reads aside. The codec scans what has come; what the protocol says is acted on once, and a later receive skips it. The watch never judges a message.
/// </remarks>
internal sealed partial class FrameReader
{
    /// <summary>A wait longer than this makes a connection idle.</summary>
    public const long IdleAfterMilliseconds = 1000;

    // What an idle receive holds, too.
    private const int WatchRead = 4096;

    // A pending read that keeps less than this from others may.
    private const int SweepFrom = 2048;

    // How many of the unread bytes were scanned.
    private int _scanned;
    private bool _closeSeen;
    private int _lastMoves = -1;
    private long _stillSince;

    /// <summary>Looks after the channel, four times a second. Never at the same time twice.</summary>
    public void OnTick(long now)
    {
        if (_gate.IsSeized)
        {
            return;
        }

        if (_target != ReadTarget.None)
        {
            if (_readDone)
            {
                // Came when the receiver inside was just leaving.
                TryRunWatch();
            }
            else
            {
                Sweep(now);
            }

            return;
        }

        var moves = _gate.Moves;
        if (moves != _lastMoves)
        {
            _lastMoves = moves;
            _stillSince = now;
        }
        else if (!_isJudged)
        {
            TryRunWatch();
        }
    }

    /// <summary>A read has waited without a byte for longer than this.</summary>
    public bool WaitsLonger(long now, TimeSpan time)
        => IsWaitingForBytes && now - Volatile.Read(ref _waitingSince) > time.TotalMilliseconds;

    /// <summary>Looks at once, without a tick: something has happened to the connection.</summary>
    /// <returns><see langword="false"/> when nothing can be learnt from the input any more, so that only what happened counts.</returns>
    public bool TryWatch()
    {
        if (_gate.IsSeized || _isTold || _stopped)
        {
            return false;
        }

        if (_target == ReadTarget.None && !_gate.IsReceiving)
        {
            TryRunWatch();
        }

        return true;
    }

    // Returns false when somebody else is inside.
    private bool TryRunWatch()
    {
        do
        {
            if (!_gate.TryEnterWatch())
            {
                return false;
            }

            try
            {
                Watch();
            }
            finally
            {
                _gate.Exit();
            }
        }
        while (_target != ReadTarget.None && _readDone);

        return true;
    }

    private void Watch()
    {
        while (true)
        {
            if (_readDone)
            {
                TakeReadResult();
            }

            Scan();
            if (_noMoreMessages)
            {
                DropUnread();
            }

            if (_input is Input.Ended or Input.Failed)
            {
                JudgeUnreceived();
                return;
            }

            if (_target != ReadTarget.None || IsReadingOver || _closeSeen || (_startsAnew && !TryStartAnewUnreceived()))
            {
                return;
            }

            if (_buffer.UnreadLength >= _bound)
            {
                _host.OnBoundReached(_stillSince);
                return;
            }

            if (!StartRead(watching: true))
            {
                return;
            }
        }
    }

    // Nothing stands before the new stream that a receiver has to look at first.
    private bool TryStartAnewUnreceived() => !_buffer.HasUnread && !_host.IsBufferInUse && TryStartAnew();

    private void DropUnread()
    {
        _buffer.Clear();
        _scanned = 0;
    }

    private void Scan()
    {
        if (_scanned == 0)
        {
            _codec.BeginScan();
        }

        var first = _buffer.Unread.Span;
        if (_scanned < first.Length)
        {
            Scan(first[_scanned..]);
            _scanned = first.Length;
        }

        var aside = _buffer.Aside;
        var seenAside = _scanned - first.Length;
        if (seenAside < aside.Length)
        {
            Scan(aside[seenAside..]);
            _scanned = first.Length + aside.Length;
        }
    }

    private void Scan(ReadOnlySpan<byte> bytes)
    {
        CodecRead scan = default;
        while (!bytes.IsEmpty && !_closeSeen)
        {
            scan.Clear(scanned: 0);
            var status = _codec.Scan(bytes, ref scan);
            bytes = bytes[Math.Clamp(scan.Consumed, 0, bytes.Length)..];
            switch (status)
            {
                case ReadStatus.Reply when scan.Consumed > 0:
                    _host.OnReply(scan.Reply.Span);
                    break;
                case ReadStatus.Closed:
                    OnPeerClosed(scan.Close!);
                    return;
                default:
                    return;
            }
        }
    }

    private void OnPeerClosed(ChannelCloseInfo info)
    {
        _closeSeen = true;
        _host.OnPeerClosed(info);
    }

    // The input is at its end, and what stands before that may not have been received: what the end means for the channel is told now, unless it is for the receiver to judge.
    private void JudgeUnreceived()
    {
        if (_isJudged || _closeSeen)
        {
            return;
        }

        if (_input == Input.Failed)
        {
            _isJudged = true;
            _host.OnInputFailed(_failure!);
            _isTold = true;
            return;
        }

        var allReceived = !_host.IsBufferInUse && !_buffer.HasUnread;
        if ((_connection.DescribeEnd() ?? _codec.EndWithoutClose) is { } info)
        {
            _isJudged = true;
            _host.OnInputEnded(info, allReceived);
            _isTold = true;
        }
        else if (_host.IsOutputOver)
        {
            _isJudged = allReceived;
            _host.OnInputEnded(null, allReceived);
            _isTold = allReceived;
        }
    }

    private void Sweep(long now)
    {
        if (_target == ReadTarget.Buffer && _connection.SupportsReadInterruption && !_buffer.HasUnread && !_host.IsBufferInUse
            && _buffer.Capacity >= SweepFrom && now - Volatile.Read(ref _waitingSince) > IdleAfterMilliseconds && !_interrupted)
        {
            _interrupted = true;
            _connection.InterruptRead();
        }
    }
}
