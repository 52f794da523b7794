using System.Runtime.ExceptionServices;
using Microsoft.Extensions.Logging;

namespace Transports.Grpc;

/// <summary>The bytes of one call: the request's body out, the response's body in, and the response's trailers as its end.</summary>
internal sealed class GrpcClientConnection : ByteConnection, IGrpcClientCallFeature
{
    private readonly HttpMessageInvoker _invoker;
    private readonly HttpRequestMessage _request;
    private readonly GrpcRequestContent _content;
    private readonly GrpcCompression _compression;
    private readonly TimeSpan _timeout;
    private readonly TimeProvider _timeProvider;
    private readonly CancellationTokenSource _cancel = new();
    private readonly TaskCompletionSource<GrpcMetadata> _responseHeaders = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _abortDone = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly GrpcRequestWriter _writer;
    private readonly GrpcResponseReader _reader;
    private Task<HttpResponseMessage>? _response;
    private ChannelCloseInfo? _abort;
    private volatile bool _isCompleted;

    public GrpcClientConnection(HttpMessageInvoker invoker, HttpRequestMessage request, GrpcRequestContent content, GrpcAddress target, GrpcCompression compression, GrpcTransportOptions options, RequestWrites writes, ILogger logger)
    {
        _invoker = invoker;
        _request = request;
        _content = content;
        _compression = compression;
        _timeout = options.CloseTimeout;
        _timeProvider = options.TimeProvider;
        Method = target.Method;
        _writer = new GrpcRequestWriter(target.Method, options.HttpVersion == System.Net.HttpVersion.Version20, ExplainFailedWriteAsync, writes, logger);
        _reader = new GrpcResponseReader(target.Method, options.TimeProvider, logger);
        content.Restart = _writer.RestartAsync;
        Observe(_responseHeaders.Task);
        Observe(content.Started);
    }

    public string Method { get; }

    public Task<GrpcMetadata> ResponseHeaders => _responseHeaders.Task;

    public GrpcStatus? Status => _reader.Status ?? (Ended is { } end ? CloseStatusMap.ToStatus(end) : null);

    public GrpcMetadata? ResponseTrailers => _reader.Trailers;

    /// <summary>The channel's end, which tells how a call without trailers ended.</summary>
    public Task<ChannelCloseInfo>? Closed { get; set; }

    public override bool SupportsZeroByteReads => true;

    public override bool SupportsHalfClose => true;

    private ChannelCloseInfo? Ended => Closed is { IsCompletedSuccessfully: true } closed ? closed.Result : Volatile.Read(ref _abort);

    public override TFeature? GetFeature<TFeature>()
        where TFeature : class
        => typeof(TFeature) == typeof(IGrpcClientCallFeature) ? this as TFeature : null;

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
                await Task.WhenAny(_response, _writer.Restarted).WaitAsync(_timeout, _timeProvider, cancellationToken).ConfigureAwait(false);
                if (_response.IsCompleted)
                {
                    await _response.ConfigureAwait(false);
                }
            }
        }
        catch
        {
            Abort(new ChannelCloseInfo(ChannelCloseStatus.Aborted, IsRemote: false));
            await DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    public override ValueTask<int> ReadAsync(Memory<byte> buffer) => _reader.ReadAsync(buffer);

    // The body's end comes before a goodbye, where this side had half-closed: nobody can be told any more.
    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer)
        => _isCompleted ? ValueTask.CompletedTask : _writer.WriteAsync(buffer);

    public override ValueTask CompleteWritesAsync(ChannelCloseInfo? close)
    {
        _isCompleted = true;
        _content.Finish();
        return ValueTask.CompletedTask;
    }

    public override void Abort(ChannelCloseInfo info)
    {
        if (Interlocked.CompareExchange(ref _abort, info, null) is not null)
        {
            return;
        }

        _reader.GiveUp();
        _content.BeginAbort();
        _ = AbortAsync();
        _responseHeaders.TrySetCanceled();
    }

    public override ChannelCloseInfo? DescribeEnd() => _reader.End;

    public override ChannelCloseInfo DescribeFailure(Exception exception) => Http2Failure.Describe(exception);

    public override async ValueTask DisposeAsync()
    {
        if (Volatile.Read(ref _abort) is not null)
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

    // A write fails when the server has ended the call, and when it is to be sent again on another stream.
    private async Task ExplainFailedWriteAsync(Exception failure, Task restarted)
    {
        if (Volatile.Read(ref _abort) is null)
        {
            try
            {
                await Task.WhenAny(_response!, restarted).WaitAsync(_timeout, _timeProvider).ConfigureAwait(false);
            }
            catch (TimeoutException)
            {
                // The response does not say. The failure of the write has to do.
            }

            if (restarted.IsCompleted)
            {
                // What failed here has been written to the other stream with all before it.
                return;
            }

            if (_response!.IsFaulted)
            {
                await _response.ConfigureAwait(false);
            }
        }

        ExceptionDispatchInfo.Throw(failure);
    }
}
