namespace Transports.WebSockets.Tests;

/// <summary>A connection whose other end the test is: it says what arrives, when a write is done, and sees what was written.</summary>
internal sealed class ScriptedStream : Stream
{
    private readonly Lock _gate = new();
    private readonly List<byte> _written = [];
    private readonly List<(Func<bool> Condition, TaskCompletionSource Source)> _waits = [];
    private readonly Queue<byte> _input = new();
    private readonly TaskCompletionSource _disposed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TaskCompletionSource? _reading;
    private TaskCompletionSource? _letGo;
    private Exception? _failure;
    private bool _ended;
    private int _writesBegun;
    private int _consumed;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>What was written so far.</summary>
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

    public Task IsDisposed => _disposed.Task;

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

    public void Feed(params byte[] bytes) => Change(() =>
    {
        foreach (var b in bytes)
        {
            _input.Enqueue(b);
        }
    });

    public void FeedEnd() => Change(() => _ended = true);

    public void FeedFailure(Exception failure) => Change(() => _failure = failure);

    /// <summary>From here on writes wait.</summary>
    public void HoldWrites() => _letGo = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

    public void LetWritesGo() => _letGo!.SetResult();

    /// <summary>Completes when all that was fed was read, and more is asked for: what had come was looked at.</summary>
    public Task WhenAllWasLookedAtAsync() => WhenAsync(() => _input.Count == 0 && _reading is not null);

    /// <summary>Completes when so many bytes were read.</summary>
    public Task WhenReadAsync(int bytes) => WhenAsync(() => _consumed >= bytes);

    /// <summary>Completes when so many bytes were written.</summary>
    public Task WhenWrittenAsync(int bytes) => WhenAsync(() => _written.Count >= bytes);

    /// <summary>Completes when so many writes have begun.</summary>
    public Task WhenWritesBegunAsync(int count) => WhenAsync(() => _writesBegun >= count);

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (true)
        {
            Task waiting;
            lock (_gate)
            {
                _reading = null;
                if (_input.Count > 0)
                {
                    var count = 0;
                    while (count < buffer.Length && _input.TryDequeue(out var b))
                    {
                        buffer.Span[count++] = b;
                    }

                    _consumed += count;
                    Check();
                    return count;
                }

                if (_failure is not null)
                {
                    throw _failure;
                }

                if (_ended)
                {
                    return 0;
                }

                _reading = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                waiting = _reading.Task;
                Check();
            }

            await waiting;
        }
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        lock (_gate)
        {
            _writesBegun++;
            Check();
        }

        if (_letGo is { } letGo)
        {
            await letGo.Task;
        }

        lock (_gate)
        {
            _written.AddRange(buffer.Span);
            Check();
        }
    }

    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public override void Flush()
    {
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        FeedFailure(new ObjectDisposedException(nameof(ScriptedStream)));
        _disposed.TrySetResult();
        base.Dispose(disposing);
    }

    private void Change(Action change)
    {
        lock (_gate)
        {
            change();
            _reading?.TrySetResult();
            _reading = null;
        }
    }

    private Task WhenAsync(Func<bool> condition)
    {
        var source = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_gate)
        {
            _waits.Add((condition, source));
            Check();
        }

        return source.Task.WaitAsync(TestContext.Current.CancellationToken);
    }

    private void Check()
    {
        foreach (var wait in _waits.Where(static wait => wait.Condition()).ToList())
        {
            wait.Source.SetResult();
            _waits.Remove(wait);
        }
    }
}
