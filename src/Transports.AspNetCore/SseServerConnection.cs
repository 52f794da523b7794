using System.Buffers;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Http;

namespace Transports;

/// <summary>
/// The bytes of a session: what is written goes to the response that is attached, and is kept for a client that comes back; what is
/// read was posted.
/// </summary>
internal sealed class SseServerConnection : ByteConnection
{
    private readonly AspNetCoreTransportOptions _options;
    private readonly SseFraming _framing;
    private readonly SseReplayBuffer? _replay;
    private readonly Pipe? _posted;
    private readonly SemaphoreSlim _gate = new(1, 1);
    private readonly SemaphoreSlim _posting = new(1, 1);
    private readonly CancellationTokenSource _over = new();
    private readonly TaskCompletionSource _disposed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TaskCompletionSource _attachedAgain = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private SseResponse? _response;
    private ITimer? _expiry;
    private long _lastPost;
    private volatile bool _ended;
    private volatile bool _clientLeaves;

    public SseServerConnection(AspNetCoreTransportOptions options, SseFraming framing, string? idPrefix, bool isDuplex)
    {
        _framing = framing;
        _options = options;
        _replay = idPrefix is null ? null : new SseReplayBuffer(options.BufferPool, idPrefix.Length, options.SseReplayBufferSize);
        if (isDuplex)
        {
            _posted = new Pipe(new PipeOptions(
                pauseWriterThreshold: options.ReceiveBufferSize,
                resumeWriterThreshold: options.ReceiveBufferSize / 2,
                useSynchronizationContext: false));
        }
    }

    /// <summary>Completes when the connection was given back: nothing uses a response any more.</summary>
    public Task Disposed => _disposed.Task;

    public bool IsDuplex => _posted is not null;

    /// <summary>Called when no client came back in time.</summary>
    public Action? Expired { get; set; }

    /// <summary>Makes a response the one that events go to, first with those after the last one its client has seen.</summary>
    /// <returns><see langword="false"/> when they are not kept any more, or the session is over.</returns>
    public async Task<bool> AttachAsync(SseResponse response, long lastSeen, string? opening)
    {
        await _gate.WaitAsync().ConfigureAwait(false);
        try
        {
            if (_ended || (_replay is not null && !_replay.Reaches(lastSeen)))
            {
                return false;
            }

            _response?.Detach();
            _response = response;
            await StopExpiryAsync().ConfigureAwait(false);
            var sent = await response.BeginAsync(opening).ConfigureAwait(false);
            if (_replay is not null)
            {
                foreach (var events in _replay.After(lastSeen))
                {
                    sent = sent && await response.WriteAsync(events).ConfigureAwait(false);
                }
            }

            if (sent)
            {
                // A write that failed was kept, and so was just sent.
                _attachedAgain.TrySetResult();
            }

            return true;
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>A response's connection is gone. Its client has a while to come back.</summary>
    public async Task DetachAsync(SseResponse response)
    {
        await _gate.WaitAsync().ConfigureAwait(false);
        try
        {
            response.Detach();
            if (ReferenceEquals(_response, response))
            {
                _response = null;
                if (_clientLeaves)
                {
                    _attachedAgain.TrySetException(ClientGone());
                    _ = _attachedAgain.Task.Exception;
                }

                if (_framing.Channel!.Closed.IsCompleted)
                {
                    // Both have ended, and nobody comes back.
                    Abort();
                }
                else if (!_ended)
                {
                    _expiry = _options.TimeProvider.CreateTimer(
                        static state => ((SseServerConnection)state!).Expired?.Invoke(),
                        this,
                        _replay is null ? TimeSpan.Zero : _options.SseSessionTimeout,
                        Timeout.InfiniteTimeSpan);
                }
            }
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>Keeps a silent response's connection alive with a comment.</summary>
    public async Task KeepAliveAsync(SseResponse response)
    {
        if (!await _gate.WaitAsync(0).ConfigureAwait(false))
        {
            // Something is being written.
            return;
        }

        try
        {
            if (ReferenceEquals(_response, response) && !_ended)
            {
                await response.WriteAsync(SseResponse.KeepAlive).ConfigureAwait(false);
            }
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>Takes what a client has posted, when there is room for it; in the order of their numbers, each once.</summary>
    /// <param name="sequence">The post's number, or 0 for a client that does not count.</param>
    /// <param name="isLast">The client leaves after this, and will not come back.</param>
    /// <param name="readAsync">Reads the events whole. Called when it is this post's turn, so that one is held in memory at a time.</param>
    /// <param name="cancellationToken">The client has gone.</param>
    /// <returns>The HTTP status to answer with.</returns>
    public async Task<int> PostAsync(long sequence, bool isLast, Func<IBufferWriter<byte>, Task<int>> readAsync, CancellationToken cancellationToken)
    {
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _over.Token);
        await _posting.WaitAsync(linked.Token).ConfigureAwait(false);
        var body = new PooledBytes(_options.BufferPool);
        try
        {
            if (sequence != 0 && sequence <= _lastPost)
            {
                // Sent again: the answer to the first was lost.
                return StatusCodes.Status204NoContent;
            }

            if (sequence != 0 && sequence != _lastPost + 1)
            {
                return StatusCodes.Status409Conflict;
            }

            var status = await readAsync(body).ConfigureAwait(false);
            if (status != StatusCodes.Status204NoContent)
            {
                return status;
            }

            // From here on the messages are the channel's, whether or not the client waits for the answer.
            _lastPost = Math.Max(_lastPost, sequence);
            if (isLast)
            {
                // Before the bytes are there: a channel that is closing looks when it sees them.
                _clientLeaves = true;
                _framing.PeerEnded = true;
            }

            var flushed = await _posted!.Writer.WriteAsync(body.WrittenMemory, _over.Token).ConfigureAwait(false);
            return flushed.IsCompleted ? StatusCodes.Status404NotFound : StatusCodes.Status204NoContent;
        }
        finally
        {
            body.Clear();
            _posting.Release();
        }
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer)
    {
        if (_posted is null)
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, _over.Token).ConfigureAwait(false);
            return 0;
        }

        var result = await _posted.Reader.ReadAsync(_over.Token).ConfigureAwait(false);
        var available = result.Buffer.Slice(0, Math.Min(result.Buffer.Length, buffer.Length));
        available.CopyTo(buffer.Span);

        // Before advancing, which takes the segments away that the length is computed from.
        var count = (int)available.Length;
        _posted.Reader.AdvanceTo(available.End);
        return count;
    }

    [System.Runtime.CompilerServices.AsyncMethodBuilder(typeof(System.Runtime.CompilerServices.PoolingAsyncValueTaskMethodBuilder))]
    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer)
    {
        Task attachedAgain;
        await _gate.WaitAsync(CancellationToken.None).ConfigureAwait(false);
        try
        {
            _over.Token.ThrowIfCancellationRequested();
            _replay?.Add(buffer.Span);
            if (_response is { } response && await response.WriteAsync(buffer).ConfigureAwait(false))
            {
                return;
            }

            if (_replay is null || _clientLeaves)
            {
                throw ClientGone();
            }

            if (_attachedAgain.Task.IsCompleted)
            {
                _attachedAgain = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            }

            attachedAgain = _attachedAgain.Task;
        }
        finally
        {
            _gate.Release();
        }

        // Nobody reads now. The next client to attach gets these events first; until then this is the backpressure.
        await attachedAgain.WaitAsync(_over.Token).ConfigureAwait(false);
    }

    public override ValueTask CompleteWritesAsync() => ValueTask.CompletedTask;

    public override void Abort()
    {
        _ended = true;
        _over.Cancel();
        _response?.Abort();
    }

    public override async ValueTask DisposeAsync()
    {
        await _gate.WaitAsync().ConfigureAwait(false);
        try
        {
            _ended = true;
            await _over.CancelAsync().ConfigureAwait(false);
            await StopExpiryAsync().ConfigureAwait(false);
            _response?.Detach();
            _replay?.Clear();
        }
        finally
        {
            _gate.Release();
        }

        if (_posted is not null)
        {
            await _posting.WaitAsync().ConfigureAwait(false);
            await _posted.Writer.CompleteAsync().ConfigureAwait(false);
            await _posted.Reader.CompleteAsync().ConfigureAwait(false);
            _posting.Release();
        }

        _disposed.TrySetResult();
    }

    private static IOException ClientGone() => new("The client of the event stream has gone.");

    private async ValueTask StopExpiryAsync()
    {
        if (_expiry is { } expiry)
        {
            _expiry = null;
            await expiry.DisposeAsync().ConfigureAwait(false);
        }
    }
}
