using System.Runtime.CompilerServices;

namespace Transports.AspNetCore;

/// <summary>
/// The bytes of a session: what is written goes to the response that is attached, and is kept for a client that comes back; what is
/// read was posted, and ends when the client leaves.
/// </summary>
/// <remarks>
/// A client that closes, by a request or by an event, is found closing in the input, behind what it posted; where it sends nothing else, that is all there is to read. One that just goes
/// away has <see cref="SseServerOptions.SessionTimeout"/> to come back; then the input ends, as a lost connection.
/// </remarks>
internal sealed class SseServerConnection : ByteConnection
{
    private readonly ProtocolOptions _options;
    private readonly SseReplayBuffer? _replay;
    private readonly SemaphoreSlim _gate = new(1, 1);
    private readonly CancellationTokenSource _over = new();
    private readonly TaskCompletionSource _disposed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TaskCompletionSource _attachedAgain = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private IByteConnectionHost? _host;
    private SseResponse? _response;
    private ITimer? _expiry;
    private ChannelCloseInfo? _broken;
    private bool _endWritten;
    private volatile bool _ended;
    private volatile bool _closed;
    private volatile bool _clientLeaves;

    public SseServerConnection(ProtocolOptions options, string? idPrefix, bool isDuplex)
    {
        _options = options;
        _replay = idPrefix is null ? null : new SseReplayBuffer(options.Channels.BufferPool, idPrefix.Length, options.Sse.ReplayBufferSize);
        Input = new SsePostedInput(options.Channels);
        IsDuplex = isDuplex;
    }

    /// <summary>Completes when the connection was given back: nothing uses a response any more.</summary>
    public Task Disposed => _disposed.Task;

    public bool IsDuplex { get; }

    /// <summary>What the client sends: nothing but its end, where the session is not duplex.</summary>
    public SsePostedInput Input { get; }

    /// <summary>The session is over, and its last events, the end included, are still here for a client that has missed them.</summary>
    public bool IsReplayable { get; private set; }

    // An entry of what is kept each.
    public override bool NeedsWholeFrames => true;

    public override bool IsBroken => Volatile.Read(ref _broken) is not null;

    public override void Attach(IByteConnectionHost host) => _host = host;

    /// <summary>Makes a response the one that events go to, first with those after the last one its client has seen.</summary>
    /// <param name="response">The response; nothing was written to it yet.</param>
    /// <param name="lastSeen">The number of that event; 0 for none.</param>
    /// <param name="opening">For a new session: its first lines.</param>
    public async Task<SseAttachment> AttachAsync(SseResponse response, long lastSeen, string? opening)
    {
        if (opening is null)
        {
            if (_replay is null)
            {
                return SseAttachment.EventsLost;
            }

            if (!_replay.HasReached(lastSeen))
            {
                return SseAttachment.Unknown;
            }

            // The client is here: its old connection is dead, and a write that waits for it would hold the gate until it is timed out.
            Volatile.Read(ref _response)?.Abort();
        }

        await _gate.WaitAsync().ConfigureAwait(false);
        try
        {
            if (_replay?.Reaches(lastSeen) == false || (_ended && !IsReplayable))
            {
                return SseAttachment.EventsLost;
            }

            if (_ended)
            {
                return await ReplayEndAsync(response, lastSeen).ConfigureAwait(false);
            }

            _response?.Detach();
            Volatile.Write(ref _response, response);
            await StopExpiryAsync().ConfigureAwait(false);
            if (await response.BeginAsync(opening).ConfigureAwait(false) && await ReplayAsync(response, lastSeen).ConfigureAwait(false))
            {
                // A write that failed was kept, and so was just sent.
                _attachedAgain.TrySetResult();
            }

            return SseAttachment.Attached;
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
                Volatile.Write(ref _response, null);
                if (_clientLeaves)
                {
                    _attachedAgain.TrySetException(ClientGone());
                    _ = _attachedAgain.Task.Exception;
                }

                if (_closed)
                {
                    // This side has closed too, and waits for nobody who has gone.
                    Input.Complete();
                }
                else if (_clientLeaves)
                {
                    // It is not waited for: the channel reads to its end, which is there or on its way.
                    _ = Input.EndAsync(close: null);
                }
                else if (!_ended && !IsBroken)
                {
                    _expiry = _options.Channels.TimeProvider.CreateTimer(
                        static state => ((SseServerConnection)state!).Expire(),
                        this,
                        _replay is null ? TimeSpan.Zero : _options.Sse.SessionTimeout,
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

    /// <summary>The client has said that it posts no more, and will not come back.</summary>
    public void OnClientLeaves() => _clientLeaves = true;

    /// <summary>The session cannot go on: sends fail, and what was posted before is received.</summary>
    /// <param name="info">Why.</param>
    public void Break(ChannelCloseInfo info)
    {
        if (Interlocked.CompareExchange(ref _broken, info, null) is null)
        {
            Input.Complete();
            _host?.OnBroken(new IOException(info.Description));
            AbortResponse();
        }
    }

    /// <summary>Forgets what was kept for a client of a session that is over.</summary>
    public async Task ForgetAsync()
    {
        await _gate.WaitAsync().ConfigureAwait(false);
        IsReplayable = false;
        _replay?.Clear();
        _gate.Release();
    }

    public override ValueTask<int> ReadAsync(Memory<byte> buffer) => Input.ReadAsync(buffer);

    // A client that closes gracefully is found closing in the input before.
    public override ChannelCloseInfo? DescribeEnd()
        => Volatile.Read(ref _broken) ?? new ChannelCloseInfo(ChannelCloseStatus.ConnectionLost, IsRemote: true, "The client has gone without closing.");

    public override ChannelCloseInfo DescribeFailure(Exception exception) => Volatile.Read(ref _broken) ?? base.DescribeFailure(exception);

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer)
    {
        Task attachedAgain;
        await _gate.WaitAsync(CancellationToken.None).ConfigureAwait(false);
        try
        {
            _over.Token.ThrowIfCancellationRequested();
            _replay?.Add(buffer.Span);
            _endWritten = SseWire.EndsWithClose(buffer.Span);
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

    public override ValueTask CompleteWritesAsync(ChannelCloseInfo? close)
    {
        _closed |= close is not null;
        if (_closed && !IsDuplex)
        {
            // Said in an event; there is no answer to wait for.
            Input.Complete();
        }

        return ValueTask.CompletedTask;
    }

    public override void Abort(ChannelCloseInfo info)
    {
        _ended = true;
        _over.Cancel();
        Input.Abort();
        AbortResponse();
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

            // What the system has taken may still be lost with the connection. A client that has closed misses nothing.
            IsReplayable = _replay is not null && _endWritten && !_clientLeaves;
            if (IsReplayable)
            {
                _replay!.Keep();
            }
            else
            {
                _replay?.Clear();
            }
        }
        finally
        {
            _gate.Release();
        }

        Input.Abort();
        Input.Dispose();
        _disposed.TrySetResult();
    }

    // One that has everything, the end included, ends: a client that has not read it yet would lose it with an error.
    private void AbortResponse()
    {
        if (!_closed)
        {
            Volatile.Read(ref _response)?.Abort();
        }
    }

    private void Expire() => Break(new ChannelCloseInfo(
        ChannelCloseStatus.ConnectionLost,
        IsRemote: true,
        "The client's connection has gone, and it did not come back in time (Sse.SessionTimeout)."));

    private static IOException ClientGone() => new("The client of the event stream has gone.");

    private async Task<bool> ReplayAsync(SseResponse response, long lastSeen)
    {
        if (_replay is not null)
        {
            foreach (var events in _replay.After(lastSeen))
            {
                if (!await response.WriteAsync(events).ConfigureAwait(false))
                {
                    return false;
                }
            }
        }

        return true;
    }

    private async Task<SseAttachment> ReplayEndAsync(SseResponse response, long lastSeen)
    {
        if (_replay!.HasSeenAll(lastSeen))
        {
            return SseAttachment.Over;
        }

        _ = await response.BeginAsync(opening: null).ConfigureAwait(false) && await ReplayAsync(response, lastSeen).ConfigureAwait(false);
        response.Detach();
        return SseAttachment.Attached;
    }

    private async ValueTask StopExpiryAsync()
    {
        if (_expiry is { } expiry)
        {
            _expiry = null;
            await expiry.DisposeAsync().ConfigureAwait(false);
        }
    }
}
