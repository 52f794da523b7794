using System.Runtime.ExceptionServices;
using Microsoft.Extensions.Logging;

namespace Transports;

/// <summary>The bytes of one call: the request's body out, the response's body in, and the response's trailers as its end.</summary>
internal sealed class GrpcClientConnection : ByteConnection, IGrpcClientCall
{
    private readonly HttpMessageInvoker _invoker;
    private readonly HttpRequestMessage _request;
    private readonly GrpcRequestContent _content;
    private readonly GrpcCompression _compression;
    private readonly bool _hasEnvelope;
    private readonly TimeSpan _patience;
    private readonly TimeProvider _timeProvider;
    private readonly CancellationTokenSource _cancel = new();
    private readonly TaskCompletionSource<GrpcMetadata> _responseHeaders = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _abortDone = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly GrpcRequestWriter _writer;
    private readonly GrpcResponseReader _reader;
    private readonly Func<Exception, Task, Task> _explainFailedWrite;
    private Task<HttpResponseMessage>? _response;
    private int _aborted;

    public GrpcClientConnection(HttpMessageInvoker invoker, HttpRequestMessage request, GrpcRequestContent content, GrpcAddress target, GrpcCompression compression, GrpcTransportOptions options, ILogger logger)
    {
        _invoker = invoker;
        _request = request;
        _content = content;
        _compression = compression;
        _patience = options.CloseTimeout;
        _timeProvider = options.TimeProvider;
        Method = target.Method;
        _hasEnvelope = target.HasEnvelope;
        _writer = new GrpcRequestWriter(target.Method, options.HttpVersion == System.Net.HttpVersion.Version20, logger);
        _reader = new GrpcResponseReader(target.Method, options.StreamWindowSize, options.TimeProvider, logger);
        _explainFailedWrite = ThrowReasonAsync;
        content.Restart = _writer.RestartAsync;
        Observe(_responseHeaders.Task);
        Observe(content.Started);
    }

    public string Method { get; }

    public Task<GrpcMetadata> ResponseHeaders => _responseHeaders.Task;

    public GrpcStatus? Status => _reader.Status ?? (Channel?.Ended is { } end ? CloseStatusMap.ToStatus(end) : null);

    public GrpcMetadata? Trailers => _reader.Trailers;

    /// <summary>The channel over this connection, which knows how a call without trailers ended.</summary>
    public GrpcMessageChannel? Channel { get; set; }

    /// <summary>Whether a receiver has more to find than how the call ended.</summary>
    public bool HasMoreToTell => _reader.HasMoreToTell;

    public override bool SupportsZeroByteReads => true;

    public override bool SupportsHalfClose => true;

    /// <summary>Sends the request. Completes when its headers are on their way: a server need not answer before it has seen messages.</summary>
    public async Task OpenAsync(CancellationToken cancellationToken)
    {
        _response = SendAsync();
        _reader.Begin(_response);
        Observe(_response);
        try
        {
            await Task.WhenAny(_content.Started, _response).WaitAsync(cancellationToken).ConfigureAwait(false);
            if (!_content.Started.IsCompletedSuccessfully)
            {
                // The response, or why there is none: without a body to write to there is no call.
                await _response.ConfigureAwait(false);
            }

            var output = await _content.Started.WaitAsync(cancellationToken).ConfigureAwait(false);
            try
            {
                await _writer.OpenAsync(output).ConfigureAwait(false);
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                // The stream is gone already. It was sent again on another, or answered, or the response knows why not.
                await Task.WhenAny(_response, _writer.Restarted).WaitAsync(_patience, _timeProvider, cancellationToken).ConfigureAwait(false);
                if (_response.IsCompleted)
                {
                    await _response.ConfigureAwait(false);
                }
            }
        }
        catch
        {
            Abort();
            await DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    public override ValueTask<int> ReadAsync(Memory<byte> buffer) => _reader.ReadAsync(buffer);

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
        var end = await _reader.FindEndAsync().ConfigureAwait(false);
        return end is null || _reader.HasUnread
            ? new ChannelCloseInfo(ChannelCloseStatus.ProtocolError, IsRemote: false, "The server went on sending after it had said that it would not.")
            : end;
    }

    public override void Abort()
    {
        if (Interlocked.Exchange(ref _aborted, 1) != 0)
        {
            return;
        }

        _reader.GiveUp();
        _content.BeginAbort();
        _ = AbortAsync();
        _responseHeaders.TrySetCanceled();
    }

    public override ChannelCloseInfo? DescribeEnd() => _reader.OrderlyEnd;

    public override ChannelCloseInfo DescribeFailure(Exception exception) => Http2Failure.Describe(exception);

    public override async ValueTask DisposeAsync()
    {
        if (Volatile.Read(ref _aborted) != 0)
        {
            await _abortDone.Task.ConfigureAwait(false);
        }

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
        _writer.Dispose();
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
        try
        {
            var response = await _invoker.SendAsync(_request, _cancel.Token).ConfigureAwait(false);
            _writer.StopReplaying();
            var headers = response.Headers.NonValidated;
            _compression.ReceivedEncoding = GrpcResponse.Find(headers, "grpc-encoding");
            _responseHeaders.TrySetResult(GrpcResponse.ReadMetadata(headers));
            return response;
        }
        finally
        {
            _content.OnAnswered();
        }
    }

    // A write of several frames goes on until its own token stops it, and a frame behind the reset is an error of the whole connection, with all
    // its calls (RFC 9113, section 5.1). So the write first, and the reset when it has ended.
    private async Task AbortAsync()
    {
        try
        {
            await _writer.StopAsync().ConfigureAwait(false);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // What is written again, or the HTTP stack, had something to say. It writes no more.
        }

        try
        {
            // First the token, so that the stream is reset with CANCEL, then the body: the other way round the server could
            // take the end of the body for a half-close.
            await _cancel.CancelAsync().ConfigureAwait(false);
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

        _abortDone.TrySetResult();
    }

    // A write fails when the server has ended the call, and then the response knows why. What came before the end stays for the receiver.
    private async Task ThrowReasonAsync(Exception failure, Task restarted)
    {
        ChannelCloseInfo? end = null;
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

                end = await _reader.FindEndAsync().WaitAsync(timeout.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (timeout.IsCancellationRequested)
            {
                // The response does not say. The failure of the write has to do.
            }
        }

        if (end is not null)
        {
            throw new MessageChannelClosedException(end);
        }

        ExceptionDispatchInfo.Throw(failure);
    }
}
