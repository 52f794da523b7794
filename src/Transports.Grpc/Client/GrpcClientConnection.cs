using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;

namespace Transports;

/// <summary>The bytes of one call: the request's body out, the response's body in, and the response's trailers as its end.</summary>
internal sealed class GrpcClientConnection : ByteConnection, IGrpcClientCall
{
    // What is read ahead to find out why a write failed, at most; see ReadAheadAsync.
    private const int ReadAheadLimit = 64 * 1024;

    private readonly HttpMessageInvoker _invoker;
    private readonly HttpRequestMessage _request;
    private readonly GrpcRequestContent _content;
    private readonly GrpcCompression _compression;
    private readonly bool _hasEnvelope;
    private readonly ILogger _logger;
    private readonly TimeSpan _patience;
    private readonly TimeProvider _timeProvider;
    private readonly CancellationTokenSource _cancel = new();
    private readonly Lock _aheadGate = new();
    private readonly TaskCompletionSource<GrpcMetadata> _responseHeaders = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _over = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly GrpcRequestWriter _writer;
    private readonly Func<Exception, Task, Task> _explainFailedWrite;
    private Task<HttpResponseMessage>? _response;
    private Stream? _input;
    private ChannelCloseInfo? _end;
    private Task? _readingAhead;
    private ReadOnlyMemory<byte> _ahead;
    private int _reading;
    private int _aborted;

    public GrpcClientConnection(HttpMessageInvoker invoker, HttpRequestMessage request, GrpcRequestContent content, GrpcAddress target, GrpcCompression compression, MessageChannelOptions options, ILogger logger)
    {
        _invoker = invoker;
        _request = request;
        _content = content;
        _compression = compression;
        _patience = options.CloseTimeout;
        _timeProvider = options.TimeProvider;
        _logger = logger;
        Method = target.Method;
        _hasEnvelope = target.HasEnvelope;
        _writer = new GrpcRequestWriter(target.Method, logger);
        _explainFailedWrite = ThrowReasonAsync;
        content.Restart = _writer.RestartAsync;
        Observe(_responseHeaders.Task);
        Observe(_over.Task);
        Observe(content.Started);
    }

    public string Method { get; }

    public Task<GrpcMetadata> ResponseHeaders => _responseHeaders.Task;

    public GrpcStatus? Status { get; private set; }

    public GrpcMetadata? Trailers { get; private set; }

    public override bool SupportsZeroByteReads => true;

    public override bool SupportsHalfClose => true;

    /// <summary>Sends the request. Completes when its headers are on their way: a server need not answer before it has seen messages.</summary>
    public async Task OpenAsync(CancellationToken cancellationToken)
    {
        _response = SendAsync();
        Observe(_response);
        try
        {
            await Task.WhenAny(_content.Started, _response).WaitAsync(cancellationToken).ConfigureAwait(false);
            if (!_content.Started.IsCompletedSuccessfully)
            {
                // The response, or why there is none: without a body to write to there is no call.
                await _response.ConfigureAwait(false);
            }

            await _writer.OpenAsync(await _content.Started.WaitAsync(cancellationToken).ConfigureAwait(false)).ConfigureAwait(false);
        }
        catch
        {
            Abort();
            await DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    public override ValueTask<int> ReadAsync(Memory<byte> buffer)
    {
        if (Interlocked.CompareExchange(ref _reading, 1, 0) != 0 || _input is null || !_ahead.IsEmpty)
        {
            return ReadSlowAsync(buffer);
        }

        return ReadInputAsync(buffer);
    }

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer) => _writer.WriteAsync(buffer, _explainFailedWrite);

    public override ValueTask CompleteWritesAsync()
    {
        _content.Finish();
        return ValueTask.CompletedTask;
    }

    public override async ValueTask CompleteWritesAsync(ChannelCloseStatus status, string? description)
    {
        if (_hasEnvelope && (status != ChannelCloseStatus.Normal || !string.IsNullOrEmpty(description)))
        {
            try
            {
                await _writer.WriteAsync(Envelope.FrameEnd(new EnvelopeEnd(status, description)), explain: null).ConfigureAwait(false);
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                // The server has ended the call before, and nobody there is left to be told.
            }
        }

        _content.Finish();
    }

    /// <summary>
    /// For a channel that receives no more because the server said so: waits until the server has ended the call, and tells how. Nobody
    /// must be reading, and nothing but the end may still come.
    /// </summary>
    public async Task<ChannelCloseInfo> WaitForEndAsync()
    {
        var ahead = TryReadAhead() ?? _readingAhead ?? throw new InvalidOperationException("Somebody reads.");
        try
        {
            await ahead.ConfigureAwait(false);
            if (!_ahead.IsEmpty)
            {
                return new ChannelCloseInfo(ChannelCloseStatus.ProtocolError, IsRemote: false, "The server went on sending after it had said that it would not.");
            }

            var end = GrpcResponse.ReadEnd(_response!.Result);
            OnTrailers(end);
            return end;
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            return DescribeFailure(e);
        }
    }

    public override void Abort()
    {
        if (Interlocked.Exchange(ref _aborted, 1) != 0)
        {
            return;
        }

        try
        {
            // First the token, so that the stream is reset with CANCEL, then the body: the other way round the server could
            // take the end of the body for a half-close.
            _content.BeginAbort();
            _cancel.Cancel();
            _content.Cancel();
            if (_response is { IsCompletedSuccessfully: true })
            {
                _response.Result.Dispose();
            }
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // Whatever the HTTP stack has to say about being given up.
        }

        _over.TrySetResult();
        _responseHeaders.TrySetCanceled();
    }

    public override ChannelCloseInfo? DescribeEnd() => _end;

    public override ChannelCloseInfo DescribeFailure(Exception exception) => Http2Failure.Describe(exception) ?? base.DescribeFailure(exception);

    public override async ValueTask DisposeAsync()
    {
        _over.TrySetResult();
        _responseHeaders.TrySetCanceled();
        if (_response is { } sending)
        {
            await ((Task)sending).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (sending.IsCompletedSuccessfully)
            {
                sending.Result.Dispose();
            }
        }

        // After the response: a body that is cut short while the response is still open would reset it.
        _content.Finish();
        _request.Dispose();
        _cancel.Dispose();
    }

    // Nobody may be left to look at the task.
    private static void Observe(Task task)
        => _ = task.ContinueWith(
            static t => _ = t.Exception,
            CancellationToken.None,
            TaskContinuationOptions.OnlyOnFaulted | TaskContinuationOptions.ExecuteSynchronously,
            TaskScheduler.Default);

    private async Task<HttpResponseMessage> SendAsync()
    {
        var response = await _invoker.SendAsync(_request, _cancel.Token).ConfigureAwait(false);
        _content.OnResponse();
        _writer.StopReplaying();
        var headers = response.Headers.NonValidated;
        _compression.ReceivedEncoding = GrpcResponse.Find(headers, "grpc-encoding");
        _responseHeaders.TrySetResult(GrpcResponse.ReadMetadata(headers));
        return response;
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<int> ReadInputAsync(Memory<byte> buffer)
    {
        try
        {
            var count = await _input!.ReadAsync(buffer, CancellationToken.None).ConfigureAwait(false);
            if (count == 0 && !buffer.IsEmpty)
            {
                OnTrailers(GrpcResponse.ReadEnd(_response!.Result));
            }

            return count;
        }
        catch (Exception e)
        {
            // A receiver that has given up waiting does not look at it, and a sender may wait for the reason.
            _over.TrySetException(e);
            throw;
        }
        finally
        {
            Volatile.Write(ref _reading, 0);
        }
    }

    private async ValueTask<int> ReadSlowAsync(Memory<byte> buffer)
    {
        Task? ahead;
        lock (_aheadGate)
        {
            ahead = _readingAhead;
        }

        if (ahead is not null)
        {
            // The one who reads ahead holds the mark until it is done; take it over.
            await ahead.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            Volatile.Write(ref _reading, 1);
        }

        try
        {
            if (!_ahead.IsEmpty)
            {
                var count = Math.Min(buffer.Length, _ahead.Length);
                _ahead[..count].CopyTo(buffer);
                _ahead = _ahead[count..];
                return count;
            }

            await OpenInputAsync().ConfigureAwait(false);
            if (_end is not null)
            {
                return 0;
            }
        }
        catch
        {
            Volatile.Write(ref _reading, 0);
            throw;
        }

        return await ReadInputAsync(buffer).ConfigureAwait(false);
    }

    private async Task OpenInputAsync()
    {
        if (_input is not null)
        {
            return;
        }

        var response = await _response!.ConfigureAwait(false);
        if (Volatile.Read(ref _aborted) != 0)
        {
            // The abort may have come a moment before the response and not have seen it.
            response.Dispose();
        }

        if (GrpcResponse.ReadEarlyEnd(response) is { } early)
        {
            if (Status is null && !response.Headers.NonValidated.Contains("grpc-status"))
            {
                GrpcLog.NotGrpc(_logger, Method, early.Description);
            }

            OnEnd(early, response.Headers.NonValidated);
        }

        _input = await response.Content.ReadAsStreamAsync(CancellationToken.None).ConfigureAwait(false);
    }

    private void OnTrailers(ChannelCloseInfo end) => OnEnd(end, _response!.Result.TrailingHeaders.NonValidated);

    // The server has ended the call: in order, which the channel learns from DescribeEnd, or with a reason, which is thrown.
    private void OnEnd(ChannelCloseInfo end, System.Net.Http.Headers.HttpHeadersNonValidated trailers)
    {
        Trailers ??= GrpcResponse.ReadMetadata(trailers);
        Status ??= new GrpcStatus((GrpcStatusCode)(end.TransportCode ?? (long)GrpcStatusCode.Unknown), end.Description);
        if (end.Status is ChannelCloseStatus.Normal or ChannelCloseStatus.GoingAway)
        {
            _end = end;
            _over.TrySetResult();
            return;
        }

        throw new GrpcCallFailedException(end);
    }

    // A write fails when the server has ended the call, and then the response knows why. An error is worth telling the sender at
    // once; a clean end is the receiver's to find, behind the messages before it, so the write waits until then.
    private async Task ThrowReasonAsync(Exception failure, Task restarted)
    {
        if (Volatile.Read(ref _aborted) == 0)
        {
            using var timeout = new CancellationTokenSource(_patience, _timeProvider);
            try
            {
                await Task.WhenAny(_response!, restarted).WaitAsync(timeout.Token).ConfigureAwait(false);
                if (restarted.IsCompleted)
                {
                    // What failed here has been written to the other stream with all before it.
                    return;
                }

                await _response!.ConfigureAwait(false);
                if (TryReadAhead() is { } ahead)
                {
                    await ahead.WaitAsync(timeout.Token).ConfigureAwait(false);
                }

                await _over.Task.ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (timeout.IsCancellationRequested)
            {
                // The response does not say. The failure of the write has to do.
            }
        }

        System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(failure);
    }

    // Begins to read ahead, unless somebody reads: then null.
    private Task? TryReadAhead()
    {
        lock (_aheadGate)
        {
            return Interlocked.CompareExchange(ref _reading, 1, 0) == 0 ? _readingAhead = ReadAheadAsync() : null;
        }
    }

    // Reads while nobody else does, so that a sender who never receives learns how the call ended.
    private async Task ReadAheadAsync()
    {
        await Task.Yield();
        await OpenInputAsync().ConfigureAwait(false);
        var buffer = new byte[ReadAheadLimit];
        var filled = 0;
        while (_end is null && filled < buffer.Length)
        {
            int count;
            try
            {
                count = await _input!.ReadAsync(buffer.AsMemory(filled), CancellationToken.None).ConfigureAwait(false);
            }
            finally
            {
                _ahead = buffer.AsMemory(0, filled);
            }

            filled += count;
            _ahead = buffer.AsMemory(0, filled);
            if (count == 0)
            {
                var end = GrpcResponse.ReadEnd(_response!.Result);
                if (end.Status is ChannelCloseStatus.Normal or ChannelCloseStatus.GoingAway)
                {
                    // The next read finds the end again, behind what was read here.
                    return;
                }

                OnTrailers(end);
            }
        }
    }
}
