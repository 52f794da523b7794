namespace Transports.Tests.Channels;

/// <summary>A connection played by the test: it says what is read and when a write is done.</summary>
internal sealed class ScriptedConnection : ByteConnection
{
    private readonly Lock _gate = new();
    private readonly Queue<object> _toRead = new();
    private readonly List<byte> _written = [];
    private readonly TaskCompletionSource _disposed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _readBegun = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _readToTheEnd = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly List<(int Count, TaskCompletionSource Done)> _readWaits = [];
    private TaskCompletionSource<int>? _reading;
    private Memory<byte> _readBuffer;
    private TaskCompletionSource? _hold;
    private Exception? _writeFailure;

    /// <summary>The channel.</summary>
    public IByteConnectionHost? Host { get; private set; }

    /// <summary>Runs inside the next read, before it begins.</summary>
    public Action? InNextRead { get; set; }

    /// <summary>The most bytes one read gives.</summary>
    public int ReadLimit { get; init; } = int.MaxValue;

    /// <summary>An abort leaves a read in progress, as an abort that the system is slow with does, until <see cref="FeedFailure"/>.</summary>
    public bool AbortLeavesReads { get; set; }

    public bool WritesCompleted { get; private set; }

    public bool WasAborted { get; private set; }

    public int Writes { get; private set; }

    /// <summary>How many reads have ended with bytes.</summary>
    public int Reads { get; private set; }

    /// <summary>How many reads were begun.</summary>
    public int ReadsBegun { get; private set; }

    /// <summary>A read has begun.</summary>
    public Task ReadBegun => _readBegun.Task;

    /// <summary>A read has found the end.</summary>
    public Task ReadToTheEnd => _readToTheEnd.Task;

    public bool IsReading
    {
        get
        {
            lock (_gate)
            {
                return _reading is not null;
            }
        }
    }

    public byte[] Written
    {
        get
        {
            lock (_gate)
            {
                return [.. _written];
            }
        }
    }

    public Task Disposed => _disposed.Task;

    public override bool SupportsHalfClose => true;

    public override bool SupportsReadInterruption => true;

    /// <summary>What the end of the bytes means, when it is asked for.</summary>
    public Func<ChannelCloseInfo?>? End { get; set; }

    public override ChannelCloseInfo? DescribeEnd() => End?.Invoke();

    public override void Attach(IByteConnectionHost host) => Host = host;

    /// <summary>Bytes to be read.</summary>
    public void Feed(params byte[] bytes) => Put(bytes);

    /// <summary>The peer's end.</summary>
    public void FeedEnd() => Put(Array.Empty<byte>());

    /// <summary>A read that fails.</summary>
    public void FeedFailure(Exception error) => Put(error);

    /// <summary>Completes when so many reads have ended with bytes.</summary>
    public Task ReadAfterAsync(int count)
    {
        lock (_gate)
        {
            if (Reads >= count)
            {
                return Task.CompletedTask;
            }

            var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _readWaits.Add((count, done));
            return done.Task;
        }
    }

    /// <summary>A read in progress gives up, as a sweep of idle buffers makes it, and the next one finds all bytes.</summary>
    public override void InterruptRead()
    {
        TaskCompletionSource<int>? reading;
        lock (_gate)
        {
            (reading, _reading) = (_reading, null);
        }

        reading?.SetException(new OperationCanceledException());
    }

    /// <summary>Writes from now on are not done until <see cref="ReleaseWrites"/>.</summary>
    public void HoldWrites()
    {
        lock (_gate)
        {
            _hold = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }

    public void ReleaseWrites()
    {
        TaskCompletionSource? hold;
        lock (_gate)
        {
            hold = _hold;
            _hold = null;
        }

        hold?.SetResult();
    }

    /// <summary>Held writes fail, and all to come.</summary>
    public void FailWrites(Exception error)
    {
        TaskCompletionSource? hold;
        lock (_gate)
        {
            _writeFailure = error;
            hold = _hold;
            _hold = null;
        }

        hold?.SetException(error);
    }

    public override ValueTask<int> ReadAsync(Memory<byte> buffer)
    {
        var inRead = InNextRead;
        InNextRead = null;
        inRead?.Invoke();
        lock (_gate)
        {
            ReadsBegun++;
            (_reading is null).Should().BeTrue("one read at a time");
            if (WasAborted)
            {
                throw new IOException("aborted");
            }

            var reading = new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously);
            _reading = reading;
            _readBuffer = buffer;
            _readBegun.TrySetResult();
            CompleteRead();
            return new ValueTask<int>(reading.Task);
        }
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer)
    {
        TaskCompletionSource? hold;
        lock (_gate)
        {
            Writes++;
            if (_writeFailure is not null)
            {
                throw _writeFailure;
            }

            if (WasAborted || WritesCompleted)
            {
                throw new IOException("written after the end");
            }

            hold = _hold;
        }

        if (hold is not null)
        {
            await hold.Task;
        }

        // Read only now: the memory must stay as it is until the write is done.
        lock (_gate)
        {
            _written.AddRange(buffer.ToArray());
        }
    }

    /// <summary>How the writes were closed, where they were.</summary>
    public ChannelCloseInfo? WritesClosed { get; private set; }

    public override ValueTask CompleteWritesAsync(ChannelCloseInfo? close)
    {
        lock (_gate)
        {
            (close is null ? WritesCompleted : WritesClosed is not null).Should().BeFalse("each end comes once");
            WritesCompleted = true;
            WritesClosed = close;
        }

        return ValueTask.CompletedTask;
    }

    public override void Abort(ChannelCloseInfo info)
    {
        TaskCompletionSource<int>? reading = null;
        TaskCompletionSource? hold;
        lock (_gate)
        {
            WasAborted = true;
            if (!AbortLeavesReads)
            {
                (reading, _reading) = (_reading, null);
            }

            (hold, _hold) = (_hold, null);
        }

        reading?.SetException(new IOException("aborted"));
        hold?.SetException(new IOException("aborted"));
    }

    public override ValueTask DisposeAsync()
    {
        lock (_gate)
        {
            (_reading is null).Should().BeTrue("dispose comes after the last read");
        }

        _disposed.TrySetResult();
        return ValueTask.CompletedTask;
    }

    private void Put(object item)
    {
        lock (_gate)
        {
            _toRead.Enqueue(item);
            CompleteRead();
        }
    }

    private void CompleteRead()
    {
        if (_reading is not { } reading || _toRead.Count == 0)
        {
            return;
        }

        _reading = null;
        if (_toRead.Peek() is Exception error)
        {
            reading.SetException(error);
            return;
        }

        var bytes = (byte[])_toRead.Dequeue();
        var count = Math.Min(Math.Min(bytes.Length, _readBuffer.Length), ReadLimit);
        bytes.AsSpan(0, count).CopyTo(_readBuffer.Span);
        if (count < bytes.Length || bytes.Length == 0)
        {
            // The rest is next; an end stays the end.
            var rest = _toRead.ToArray();
            _toRead.Clear();
            _toRead.Enqueue(bytes[count..]);
            foreach (var item in rest)
            {
                _toRead.Enqueue(item);
            }
        }

        if (count == 0)
        {
            _readToTheEnd.TrySetResult();
        }
        else
        {
            Reads++;
            _readWaits.FindAll(wait => wait.Count <= Reads).ForEach(wait => wait.Done.TrySetResult());
        }

        reading.SetResult(count);
    }
}
