using System.Buffers;
using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace Transports.Engine;

/// <summary>The receiving half of a framed channel: has its codec find messages in what has arrived, and reads only when none is there.</summary>
/// <remarks>
/// <para>No pump and no queue between: the transport's own flow control is the backpressure. Everything here is for whoever is inside the channel's
/// <see cref="ReceiveGate"/>: a receiver, the watch, or the channel's end; only a read's completion comes from elsewhere, and enters or wakes who is inside.</para>
/// <para><b>The read</b>, one at a time:</para>
/// <code>
/// None      --StartRead--> Readiness | Buffer | Aside   waiting for bytes: without memory, into the buffer, or beside a lent message
/// any other --completed, TakeReadResult--> None
/// </code>
/// <para>A read that has begun goes on when its receiver gives up waiting; whoever comes next finds its result.</para>
/// <para><b>The input</b>:</para>
/// <code>
/// Open --read 0-->                   Ended    the stream is over; what it means is judged once, behind the last message
/// Open --read throws-->              Failed   likewise
/// Open --codec: closed-->            Closed   what follows is not read as messages
/// any  --Stop-->                     stopped  the connection was given up: only what has arrived counts
/// </code>
/// <para>Where the codec finds that no more messages come, receiving is over while the stream goes on: the watch reads to its end, drops what comes, and tells what the end means.</para>
/// </remarks>
internal sealed partial class FrameReader
{
    private readonly IFrameReaderHost _host;
    private readonly MessageCodec _codec;
    private readonly ByteConnection _connection;
    private readonly ReceiveGate _gate;
    private readonly ReceiveBuffer _buffer;
    private readonly ArrayPool<byte> _pool;
    private readonly AsyncAutoResetSignal _signal = new();
    private readonly Action _onRead;
    private readonly TimeProvider _time;
    private readonly int _bound;
    private CodecRead _read;
    private Input _input;
    private ReadTarget _target;
    private Exception? _failure;
    private bool _isJudged;

    // Behind the judgement: a write that fails meanwhile must not tell another end before the input's own.
    private volatile bool _isTold;
    private bool _noMoreMessages;
    private bool _startsAnew;
    private bool _isIdle = true;
    private bool _isReadable;
    private bool _interrupted;
    private bool _hasHeard;
    private volatile bool _readDone;
    private volatile bool _stopped;
    private long _waitingSince;
    private ConfiguredValueTaskAwaitable<int>.ConfiguredValueTaskAwaiter _reading;

    public FrameReader(IFrameReaderHost host, MessageCodec codec, ByteConnection connection, ReceiveGate gate, MessageChannelOptions options)
    {
        _host = host;
        _codec = codec;
        _connection = connection;
        _gate = gate;
        _pool = options.BufferPool;
        _time = options.TimeProvider;
        _stillSince = ChannelClock.Now(_time);
        _bound = options.ReceiveBufferSize;
        _buffer = new ReceiveBuffer(_pool, _bound);
        _onRead = OnRead;
    }

    private enum Input
    {
        Open,
        Ended,
        Failed,
        Closed,
    }

    private enum ReadTarget
    {
        None,
        Readiness,
        Buffer,
        Aside,
    }

    /// <summary>Bytes have arrived that were not decoded. May be asked by any thread; a hint.</summary>
    public bool HasUnread => _buffer.HasUnread;

    /// <summary>A read waits for bytes: the peer has said nothing that was not looked at. May be asked by any thread; a hint.</summary>
    public bool IsWaitingForBytes => _target != ReadTarget.None && !_readDone;

    /// <summary>Nothing more will come from the connection.</summary>
    public bool IsReadingOver => _input != Input.Open || (_stopped && _target == ReadTarget.None);

    /// <summary>Whether anything has arrived since this was asked before.</summary>
    public bool TakeHeard() => Interlocked.Exchange(ref _hasHeard, false);

    /// <summary>Finds messages in what has arrived. For the receiver, with none lent.</summary>
    /// <returns><see langword="false"/> when there is no whole one.</returns>
    public bool TryRead(ref ReceivedMessages messages)
    {
        if (_readDone)
        {
            TakeReadResult();
        }

        while (_input != Input.Closed && !_noMoreMessages)
        {
            if (_buffer.IsEmpty && !TryTakeAside())
            {
                if (!TryStartAnew())
                {
                    return false;
                }

                continue;
            }

            _read.Frames ??= ArrayPool<MessageFrame>.Shared.Rent(CodecRead.MaxMessages);
            _read.Clear(_scanned);
            var status = _codec.Read(_buffer.Unread, ref _read);
            var start = _buffer.Start;
            Consume(_read.Consumed);
            switch (status)
            {
                case ReadStatus.Messages:
                    if (_read.OwnedArray is { } owned)
                    {
                        messages.Set(owned, 0, _read.Frames, 1);
                    }
                    else
                    {
                        messages.Set(_buffer.Array, start, _read.Frames, _read.Count);
                    }

                    return true;
                case ReadStatus.Reply:
                    _host.OnReply(_read.Reply.Span);
                    break;
                case ReadStatus.EndOfInput:
                    _noMoreMessages = true;
                    break;
                case ReadStatus.Closed:
                    _input = Input.Closed;
                    _buffer.Clear();
                    OnPeerClosed(_read.Close!);
                    break;
                default:
                    if (!TryTakeAside() && !TryStartAnew())
                    {
                        return false;
                    }

                    break;
            }
        }

        return false;
    }

    /// <summary>Reads more bytes. For the receiver, when <see cref="TryRead"/> has found nothing.</summary>
    /// <returns><see langword="false"/> when nothing more will come, and what that means was told.</returns>
    public ValueTask<bool> ReadMoreAsync(CancellationToken cancellationToken)
    {
        if (_noMoreMessages)
        {
            Watch();
            return new ValueTask<bool>(false);
        }

        if (IsReadingOver)
        {
            return new ValueTask<bool>(HasUndecoded() || Judge());
        }

        // A caller that was cancelled, or the watch, may have left a read behind.
        if (_target == ReadTarget.None && StartRead(watching: false))
        {
            return new ValueTask<bool>(true);
        }

        return _signal.WaitToReceiveAsync(cancellationToken);
    }

    /// <summary>Ends a wait, with or without bytes; from here on its code runs on another thread.</summary>
    public void Wake()
    {
        _signal.RunContinuationsAsynchronously();
        _signal.Set();
    }

    /// <summary>The connection was given up: only what has arrived counts. May be called from any thread.</summary>
    public void Stop()
    {
        _stopped = true;
        Wake();
    }

    // What came with the end is still to be decoded; whoever asks again finds none of it left.
    private bool HasUndecoded() => _readDone || (_input != Input.Closed && !_buffer.Aside.IsEmpty);

    private void Consume(int count)
    {
        Debug.Assert((uint)count <= (uint)_buffer.Unread.Length, "A codec consumes what was there.");
        _buffer.Consume(count);
        _scanned = Math.Max(0, _scanned - count);
    }

    private bool TryTakeAside() => _buffer.TryTakeAside(readIsPending: _target == ReadTarget.Aside);

    // Behind the last whole message of the old stream.
    private bool TryStartAnew()
    {
        if (!_startsAnew)
        {
            return false;
        }

        _startsAnew = false;
        _buffer.Clear();
        _scanned = 0;
        _codec.ResetInput();
        return true;
    }

    // Behind the last message: what the end means. Told once. Always returns false.
    private bool Judge()
    {
        if (_isJudged)
        {
            return false;
        }

        _isJudged = true;
        switch (_input)
        {
            case Input.Ended:
                var info = _codec.EndOfStream(_buffer.UnreadLength) ?? _connection.DescribeEnd();
                ReleaseMemory();
                _host.OnInputEnded(info, allReceived: true);
                break;
            case Input.Failed:
                ReleaseMemory();
                _host.OnInputFailed(_failure!);
                break;
            default:
                ReleaseMemory();
                break;
        }

        _isTold = true;
        return false;
    }

    // Returns true when bytes came, or the end, without waiting.
    private bool StartRead(bool watching)
    {
        while (true)
        {
            var room = PrepareRead(watching);
            var reading = Read(room).ConfigureAwait(false).GetAwaiter();
            _reading = reading;
            if (!reading.IsCompleted)
            {
                if (!watching || !_host.IsBufferInUse)
                {
                    // A wait is long against taking the table from the pool again.
                    ReleaseFrames();
                }

                Volatile.Write(ref _waitingSince, ChannelClock.Now(_time));
                reading.UnsafeOnCompleted(_onRead);
                return false;
            }

            var wasReadiness = _target == ReadTarget.Readiness;
            TakeReadResult();
            if (!wasReadiness || IsReadingOver)
            {
                return true;
            }
        }
    }

    private Memory<byte> PrepareRead(bool watching)
    {
        var waitsFirst = !_isReadable && _connection.SupportsZeroByteReads && (watching || (_isIdle && _buffer.IsEmpty));
        if (waitsFirst)
        {
            _target = ReadTarget.Readiness;
            if (!watching || !_host.IsBufferInUse)
            {
                _buffer.ReleaseEmpty();
            }

            return Memory<byte>.Empty;
        }

        _isReadable = false;
        if (watching && (_host.IsBufferInUse || _buffer.HasUnread))
        {
            _target = ReadTarget.Aside;
            return _buffer.PrepareAside(Math.Min(WatchRead, Math.Max(1, _bound - _buffer.UnreadLength)));
        }

        _target = ReadTarget.Buffer;
        return _buffer.PrepareRead(_read.BytesNeeded);
    }

    private ValueTask<int> Read(Memory<byte> room)
    {
        try
        {
            return _connection.ReadAsync(room);
        }
        catch (Exception e)
        {
            // A connection aborted a moment ago may throw before it returns, as a disposed socket does: a failed read like any other.
            return ValueTask.FromException<int>(e);
        }
    }

    private void TakeReadResult()
    {
        var target = _target;
        Debug.Assert(target != ReadTarget.None, "A read was pending.");
        _readDone = false;
        _target = ReadTarget.None;
        Interlocked.MemoryBarrier();
        _notReading?.TrySetResult();
        int count;
        try
        {
            count = _reading.GetResult();
        }
        catch (OperationCanceledException) when (_connection.SupportsReadInterruption)
        {
            // Idle for long: wait on without a buffer. No byte was lost.
            _isIdle = true;
            return;
        }
        catch (Exception e)
        {
            _failure = e;
            _input = Input.Failed;
            _host.OnReadingOver();
            return;
        }
        finally
        {
            _interrupted = false;
            _reading = default;
        }

        switch (count)
        {
            case 0 when target == ReadTarget.Readiness:
                // Something is there to be read; the next read fetches it, with a buffer.
                _isIdle = false;
                _isReadable = true;
                break;
            case 0:
                _input = Input.Ended;
                _host.OnReadingOver();
                break;
            case ByteConnection.NewStream:
                _startsAnew = true;
                break;
            case var _ when target == ReadTarget.Aside:
                _hasHeard = true;
                _buffer.CompleteAside(count);
                break;
            default:
                _hasHeard = true;
                _buffer.CompleteRead(count);
                break;
        }
    }

    private void OnRead()
    {
        _isIdle = ChannelClock.Now(_time) - Volatile.Read(ref _waitingSince) > IdleAfterMilliseconds;
        _readDone = true;

        // Nobody receives: the watch looks at it. Otherwise whoever is inside does.
        if (!TryRunWatch())
        {
            _signal.Set();
        }
    }
}
