using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;

namespace Transports;

/// <summary>Writes a call's request body, and once more from the beginning when the server has refused the stream unseen. One write at a time.</summary>
internal sealed class GrpcRequestWriter
{
    // How much is kept for another try. A server refuses a stream before it has seen a message, so little is ever on its way.
    private const int ReplayLimit = 64 * 1024;

    // A DATA frame's most (RFC 9113, section 4.2, the default). More goes out in several, and a flush behind the first would cut it.
    private const int LargestFlushedAtOnce = 16 * 1024;

    private readonly string _method;
    private readonly ILogger _logger;
    private readonly Lock _gate = new();
    private readonly WatchedMemory _watched = new();
    private readonly TaskCompletionSource _restarted = new(TaskCreationOptions.RunContinuationsAsynchronously);

    // What was written while the server has not answered, for another try: gRPC's transparent retry of REFUSED_STREAM.
    private MemoryStream? _replay = new();
    private Task _restarting = Task.CompletedTask;
    private Stream? _output;

    public GrpcRequestWriter(string method, ILogger logger)
    {
        _method = method;
        _logger = logger;
    }

    /// <summary>Completes when all that had been written was written to another stream.</summary>
    public Task Restarted => _restarted.Task;

    /// <summary>Takes the body's stream, and sends the headers.</summary>
    public Task OpenAsync(Stream output)
    {
        _output = output;

        // Nothing is written yet, and headers alone are not flushed; a server that speaks first must hear of the call.
        return output.FlushAsync(CancellationToken.None);
    }

    /// <summary>Writes and flushes. Completes when the HTTP stack has the bytes.</summary>
    /// <param name="buffer">What to write.</param>
    /// <param name="explain">What to do about a failure instead of throwing it: throws the reason, or returns when all is written all the same.</param>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, Func<Exception, Task>? explain)
    {
        try
        {
            var output = _output!;
            if (Volatile.Read(ref _replay) is not null)
            {
                output = KeepForReplay(buffer.Span, out var restarting);
                await restarting.ConfigureAwait(false);
            }

            if (buffer.Length > LargestFlushedAtOnce)
            {
                await output.WriteAsync(buffer, CancellationToken.None).ConfigureAwait(false);
                await output.FlushAsync(CancellationToken.None).ConfigureAwait(false);
                return;
            }

            // SocketsHttpHandler has one writer a connection, and a write and its flush are two entries in that writer's queue: awaited
            // one after the other they are two of its turns, and the bytes leave with the second. Queued together they are one.
            var writing = output.WriteAsync(_watched.Begin(buffer), CancellationToken.None);
            var flushing = output.FlushAsync(CancellationToken.None);
            _watched.FollowedBy(flushing);
            try
            {
                await writing.ConfigureAwait(false);
            }
            finally
            {
                // Whatever made it fail makes the write fail, or what follows.
                await flushing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }

            if (!_watched.IsFlushed)
            {
                // A write that had to wait for the peer's window came behind that flush.
                await output.FlushAsync(CancellationToken.None).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (e is not OutOfMemoryException && explain is not null)
        {
            await explain(e).ConfigureAwait(false);
        }
    }

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
            if (_replay is not { } replay)
            {
                throw new InvalidOperationException("The call cannot be sent again: its first messages are gone.");
            }

            GrpcLog.SentAgain(_logger, _method);
            _output = output;
            return _restarting = WriteAgainAsync(output, replay.ToArray());
        }
    }

    // Keeps the bytes, and says where to write them now: behind what was kept before, if that is being written again.
    private Stream KeepForReplay(ReadOnlySpan<byte> bytes, out Task restarting)
    {
        lock (_gate)
        {
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

            restarting = _restarting;
            return _output!;
        }
    }

    private async Task WriteAgainAsync(Stream output, byte[] bytes)
    {
        await Task.Yield();
        await output.WriteAsync(bytes, CancellationToken.None).ConfigureAwait(false);
        await output.FlushAsync(CancellationToken.None).ConfigureAwait(false);
        _restarted.TrySetResult();
    }
}
