using System.Runtime.CompilerServices;
using System.Threading.Tasks.Sources;
using Microsoft.Extensions.Logging;

namespace Transports.Grpc;

/// <summary>Writes a call's request body, and once more from the beginning when the server has refused the stream unseen. One write at a time.</summary>
internal sealed class GrpcRequestWriter : IDisposable, IValueTaskSource
{
    // How much is kept for another try. A server refuses a stream before it has seen a message, so little is ever on its way.
    private const int ReplayLimit = 64 * 1024;

    // A DATA frame's most (RFC 9113, section 4.2, the default). More goes out in several, and a flush behind the first would cut it.
    private const int MaxFlushedAtOnce = 16 * 1024;

    private readonly string _method;
    private readonly bool _hasWriterOfItsOwn;
    private readonly ILogger _logger;
    private readonly Lock _gate = new();
    private readonly WatchedMemory _watched = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly Func<Exception, Task, Task> _explain;
    private readonly Action _onFlushed;
    private readonly RequestWrites _writes;

    // What was written while the server has not answered, for another try: gRPC's transparent retry of REFUSED_STREAM.
    private MemoryStream? _replay = new();
    private Task _restarting = Task.CompletedTask;

    // Completes when what goes to the present stream has been written to a later one. Each stream has its own: what fails on the later one is lost.
    private TaskCompletionSource _restarted = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TaskCompletionSource? _quiet;
    private bool _isWriting;
    private bool _isStopped;
    private Stream? _output;

    // Of the write in progress.
    private ManualResetValueTaskSourceCore<bool> _finish;
    private ValueTask _writing;
    private Task _flushing = Task.CompletedTask;
    private Stream? _writtenTo;
    private Task? _lostTo;

    /// <param name="method">The method called, for the log.</param>
    /// <param name="hasWriterOfItsOwn">Whether the connection queues writes and flushes, as HTTP/2's does. A stream of HTTP/3 has one operation at a time, and fails with two.</param>
    /// <param name="explain">
    /// What to do about a failed write instead of throwing what failed: throws the reason, or returns when all is written all the same, which it is when the
    /// task that it is given completes.
    /// </param>
    /// <param name="writes">The writes of all calls that may share a connection with this one.</param>
    /// <param name="logger">Where to log.</param>
    public GrpcRequestWriter(string method, bool hasWriterOfItsOwn, Func<Exception, Task, Task> explain, RequestWrites writes, ILogger logger)
    {
        _explain = explain;
        _writes = writes;
        _onFlushed = OnFlushed;
        _hasWriterOfItsOwn = hasWriterOfItsOwn;
        _method = method;
        _logger = logger;
    }

    /// <summary>Completes when what goes to the present stream has been written to a later one.</summary>
    public Task Restarted
    {
        get
        {
            lock (_gate)
            {
                return _restarted.Task;
            }
        }
    }

    /// <summary>Takes the body's stream, and sends the headers.</summary>
    public Task OpenAsync(Stream output)
    {
        lock (_gate)
        {
            // Unless the request was sent again already.
            _output ??= output;
        }

        // Nothing is written yet, and headers alone are not flushed; a server that speaks first must hear of the call.
        return output.FlushAsync(CancellationToken.None);
    }

    /// <summary>Writes and flushes. Completes when the HTTP stack has the bytes.</summary>
    public ValueTask WriteAsync(ReadOnlyMemory<byte> buffer)
    {
        var (output, restarting, restarted, isCrowded) = Begin(buffer.Span);
        if (!_hasWriterOfItsOwn || buffer.Length > MaxFlushedAtOnce || !restarting.IsCompletedSuccessfully || isCrowded)
        {
            // Each flush is a write to the socket: where other calls write too, theirs are queued before it, and the first flush takes all along.
            return WriteThenFlushAsync(output, buffer, restarting, restarted);
        }

        _finish.Reset();
        _writtenTo = output;
        _lostTo = restarted;
        var version = _finish.Version;

        // SocketsHttpHandler has one writer a connection, and a write and its flush are two entries in that writer's queue: awaited
        // one after the other they are two of its turns, and the bytes leave with the second. Queued together they are one.
        try
        {
            _writing = output.WriteAsync(_watched.Begin(buffer), _stop.Token);
            _flushing = output.FlushAsync(CancellationToken.None);
        }
        catch (Exception e)
        {
            _writing = ValueTask.FromException(e);
            _flushing = Task.CompletedTask;
        }

        // Not an async method: the write ends on another thread than it began on, so that pooled state would be made anew each time.
        _watched.FollowedBy(_flushing);
        _flushing.ConfigureAwait(false).GetAwaiter().UnsafeOnCompleted(_onFlushed);
        return new ValueTask(this, version);
    }

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _finish.GetStatus(token);

    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags)
        => _finish.OnCompleted(continuation, state, token, flags);

    void IValueTaskSource.GetResult(short token) => _finish.GetResult(token);

    /// <summary>Stops the write in progress and all to come. Completes, or fails, when none is left in progress.</summary>
    public Task StopAsync()
    {
        Task quiet;
        lock (_gate)
        {
            _isStopped = true;
            _quiet = _isWriting ? new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously) : null;
            quiet = _quiet?.Task ?? Task.CompletedTask;
            quiet = _restarting.IsCompleted ? quiet : Task.WhenAll(quiet, _restarting);
        }

        _stop.Cancel();
        return quiet;
    }

    public void Dispose() => _stop.Dispose();

    /// <summary>The server has answered: from here on the call is not sent again.</summary>
    public void StopReplaying()
    {
        lock (_gate)
        {
            _replay = null;
        }
    }

    /// <summary>Writes what was written so far to another stream, and goes on there.</summary>
    /// <exception cref="InvalidOperationException">More was written than is kept, or the server has answered.</exception>
    public Task RestartAsync(Stream output)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_isStopped, this);
            if (_replay is not { } replay)
            {
                throw new InvalidOperationException("The call cannot be sent again: its first messages are gone.");
            }

            Log.SentAgain(_logger, _method);
            _output = output;
            var restarted = _restarted;
            _restarted = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return _restarting = WriteAgainAsync(output, replay.ToArray(), restarted, _restarted.Task, _stop.Token);
        }
    }

    private void OnFlushed()
    {
        if (!_flushing.IsCompletedSuccessfully || !_writing.IsCompletedSuccessfully || !_watched.IsFlushed)
        {
            _ = FinishAsync();
            return;
        }

        _writing.GetAwaiter().GetResult();
        Leave();
        _finish.SetResult(true);
    }

    private async Task FinishAsync()
    {
        try
        {
            try
            {
                try
                {
                    await _writing.ConfigureAwait(false);
                }
                finally
                {
                    // Whatever made it fail makes the write fail, or what follows.
                    await _flushing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                }

                if (!_watched.IsFlushed)
                {
                    // A write that had to wait for the peer's window came behind that flush.
                    await _writtenTo!.FlushAsync(CancellationToken.None).ConfigureAwait(false);
                }
            }
            finally
            {
                Leave();
            }
        }
        catch (Exception e)
        {
            try
            {
                await _explain(e, _lostTo!).ConfigureAwait(false);
            }
            catch (Exception reason)
            {
                _finish.SetException(reason);
                return;
            }
        }

        _finish.SetResult(true);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask WriteThenFlushAsync(Stream output, ReadOnlyMemory<byte> buffer, Task restarting, Task restarted)
    {
        try
        {
            try
            {
                // Also when the server has answered meanwhile: it may do so while what was kept still waits for its window.
                await restarting.ConfigureAwait(false);
                await output.WriteAsync(buffer, _stop.Token).ConfigureAwait(false);
                await output.FlushAsync(CancellationToken.None).ConfigureAwait(false);
            }
            finally
            {
                Leave();
            }
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            await _explain(e, restarted).ConfigureAwait(false);
        }
    }

    // Keeps the bytes for another try, and says where to write them now: behind what was kept before, if that is being written again.
    private (Stream Output, Task Restarting, Task Restarted, bool IsCrowded) Begin(ReadOnlySpan<byte> bytes)
    {
        lock (_gate)
        {
            if (_isStopped)
            {
                throw new OperationCanceledException("The call was aborted.");
            }

            _isWriting = true;
            if (_replay is { } replay)
            {
                if (replay.Length + bytes.Length <= ReplayLimit)
                {
                    replay.Write(bytes);
                }
                else
                {
                    _replay = null;
                }
            }

            return (_output!, _restarting, _restarted.Task, _writes.Enter());
        }
    }

    private void Leave()
    {
        lock (_gate)
        {
            _isWriting = false;
            _writes.Leave();
            _quiet?.TrySetResult();
        }
    }

    private static async Task WriteAgainAsync(Stream output, byte[] bytes, TaskCompletionSource restarted, Task restartedOnceMore, CancellationToken stop)
    {
        await Task.Yield();
        try
        {
            await output.WriteAsync(bytes, stop).ConfigureAwait(false);
            await output.FlushAsync(CancellationToken.None).ConfigureAwait(false);
            restarted.TrySetResult();
        }
        catch
        {
            // Refused again: the next try has these bytes too.
            _ = restartedOnceMore.ContinueWith(
                static (_, state) => ((TaskCompletionSource)state!).TrySetResult(),
                restarted,
                CancellationToken.None,
                TaskContinuationOptions.ExecuteSynchronously,
                TaskScheduler.Default);
            throw;
        }
    }
}
