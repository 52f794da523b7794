namespace Transports.Conformance.Tests;

/// <summary>A connection whose writes complete one by one when the test says so, and whose peer says nothing until it finishes.</summary>
internal sealed class SteppedByteConnection : ByteConnection
{
    private readonly Lock _gate = new();
    private readonly TaskCompletionSource<int> _read = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _disposed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TaskCompletionSource? _write;
    private int _bytes;

    public override bool SupportsHalfClose => true;

    public Exception? ReadError { get; init; }

    public Task Disposed => _disposed.Task;

    /// <summary>How many bytes were written when the end was, or -1 before it.</summary>
    public int BytesBeforeTheEnd { get; private set; } = -1;

    public override ValueTask<int> ReadAsync(Memory<byte> buffer) => ReadError is { } error ? throw error : new(_read.Task);

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer)
    {
        lock (_gate)
        {
            _bytes += buffer.Length;
            _write = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return new ValueTask(_write.Task);
        }
    }

    public override ValueTask CompleteWritesAsync(ChannelCloseInfo? close)
    {
        lock (_gate)
        {
            BytesBeforeTheEnd = _bytes;
            return default;
        }
    }

    /// <summary>Lets writes complete one after another until the task has.</summary>
    public async Task LetGoUntilAsync(Task task)
    {
        while (!task.IsCompleted)
        {
            TaskCompletionSource? write;
            lock (_gate)
            {
                write = _write;
                _write = null;
            }

            write?.SetResult();
            await Task.Yield();
        }

        await task;
    }

    public void Finish() => _read.TrySetResult(0);

    public override void Abort(ChannelCloseInfo info)
    {
        _read.TrySetException(new IOException("aborted"));
        lock (_gate)
        {
            _write?.TrySetException(new IOException("aborted"));
        }
    }

    public override ValueTask DisposeAsync()
    {
        _disposed.TrySetResult();
        return default;
    }
}
