using System.Buffers;

namespace Transports.Engine;

/// <content>The end: the input belongs to nobody any more, memory goes back, and what the peer still sends is read and dropped.</content>
internal sealed partial class FrameReader
{
    private const int DrainRead = 4096;

    private static readonly TaskCompletionSource Released = CompletedSource();

    // Made by whoever comes first: who waits for it, or who completes it.
    private TaskCompletionSource? _released;
    private TaskCompletionSource? _notReading;
    private TaskCompletionSource? _drained;

    /// <summary>This side has ended the channel, and nobody is inside the gate any more: buffers go back when the pending read has left them.</summary>
    /// <param name="abandon">A message in them may still be looked at.</param>
    public void Seize(bool abandon) => _ = ReleaseAsync(abandon);

    /// <summary>Reads and drops what the peer still sends, until its end or its protocol's.</summary>
    /// <param name="seized">This side has ended the channel, so <see cref="Seize"/> was called or will be. Otherwise the peer has closed, and what stands before that stays with the receiver.</param>
    /// <remarks>Begun once: a close and what overtakes it wait for the same, as a connection is read by one at a time, and given back behind the last read.</remarks>
    public Task DrainAsync(bool seized)
    {
        var mine = new TaskCompletionSource();
        if (Interlocked.CompareExchange(ref _drained, mine, null) is { } begun)
        {
            return begun.Task;
        }

        _ = RunDrainAsync(seized, mine);
        return mine.Task;
    }

    private static TaskCompletionSource CompletedSource()
    {
        var source = new TaskCompletionSource();
        source.SetResult();
        return source;
    }

    private async Task RunDrainAsync(bool seized, TaskCompletionSource drained)
    {
        try
        {
            await ReadAndDropAsync(seized).ConfigureAwait(false);
            drained.SetResult();
        }
        catch (Exception e)
        {
            drained.SetException(e);
        }
    }

    private async Task ReadAndDropAsync(bool seized)
    {
        if (seized)
        {
            await WhenReleasedAsync().ConfigureAwait(false);
        }
        else
        {
            await WhenNotReadingAsync().ConfigureAwait(false);
        }

        if (_input is Input.Ended or Input.Failed || (_closeSeen && _codec.EndsConnection))
        {
            return;
        }

        var scratch = _pool.Rent(DrainRead);
        try
        {
            while (true)
            {
                int count;
                try
                {
                    count = await _connection.ReadAsync(scratch).ConfigureAwait(false);
                }
                catch (OperationCanceledException) when (_connection.SupportsReadInterruption && !_stopped)
                {
                    // An interruption that was under way meant the read before. No byte was lost.
                    continue;
                }

                if (count == 0)
                {
                    return;
                }

                if (count > 0 && !_closeSeen)
                {
                    Scan(scratch.AsSpan(0, count));
                }

                if (_closeSeen && _codec.EndsConnection)
                {
                    return;
                }
            }
        }
        finally
        {
            _pool.Return(scratch);
        }
    }

    private Task WhenReleasedAsync()
    {
        var made = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        return (Interlocked.CompareExchange(ref _released, made, null) ?? made).Task;
    }

    private Task WhenNotReadingAsync()
    {
        // Whoever takes the pending read's result looks for this after it has said that none is pending, and the other way round.
        _notReading = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Interlocked.MemoryBarrier();
        return _target == ReadTarget.None ? Task.CompletedTask : _notReading.Task;
    }

    private async Task ReleaseAsync(bool abandon)
    {
        try
        {
            while (_target != ReadTarget.None && !_readDone)
            {
                await _signal.WaitAsync(CancellationToken.None).ConfigureAwait(false);
            }

            if (_readDone)
            {
                TakeReadResult();
            }

            // What has arrived and was not received may hold the peer's goodbye.
            Scan();
        }
        finally
        {
            _buffer.Release(abandon);
            ReleaseFrames();
            _codec.Release(abandon);
            Interlocked.CompareExchange(ref _released, Released, null)?.TrySetResult();
        }
    }

    private void ReleaseMemory()
    {
        _buffer.Release();
        ReleaseFrames();
    }

    private void ReleaseFrames()
    {
        if (_read.Frames is { } frames)
        {
            _read.Frames = null!;
            ArrayPool<MessageFrame>.Shared.Return(frames);
        }
    }
}
