using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Transports.AspNetCore;

/// <summary>The bytes of one call on the server: the request's body in, the response's body out, and the status as its end.</summary>
/// <remarks>The request must not return before <see cref="Completion"/>: until then its body and its response are in use.</remarks>
internal class GrpcServerConnection : ByteConnection
{
    // CANCEL (RFC 9113, section 7) and H3_REQUEST_CANCELLED (RFC 9114, section 8.1).
    private const int Http2Cancel = 0x8;
    private const int Http3RequestCancelled = 0x10c;

    private readonly TaskCompletionSource _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TimeSpan _timeout;
    private readonly TimeProvider _timeProvider;
    private readonly CancellationToken _requestAborted;
    private readonly CancellationToken _connectionClosed;
    private readonly IHttpResetFeature? _reset;
    private readonly bool _hasEnvelope;
    private readonly Lock _endGate = new();
    private CancellationTokenRegistration _watchingRequest;
    private ChannelCloseInfo? _refusal;
    private int _aborted;
    private bool _ended;
    private Task _halfClosing = Task.CompletedTask;

    public GrpcServerConnection(HttpContext context, GrpcServerCall call, bool hasEnvelope, MessageChannelOptions options)
    {
        _hasEnvelope = hasEnvelope;
        Context = context;
        Call = call;
        Input = context.Request.BodyReader;
        Output = context.Response.BodyWriter;
        _timeout = options.CloseTimeout;
        _timeProvider = options.TimeProvider;
        _requestAborted = context.RequestAborted;
        _connectionClosed = context.Features.Get<IConnectionLifetimeFeature>()?.ConnectionClosed ?? CancellationToken.None;
        _reset = context.Features.Get<IHttpResetFeature>();
    }

    public override bool SupportsZeroByteReads => true;

    public override bool SupportsHalfClose => _hasEnvelope;

    public override bool IsBroken => _requestAborted.IsCancellationRequested;

    /// <summary>Completes when the connection is given back, without fault.</summary>
    public Task Completion => _completion.Task;

    protected HttpContext Context { get; }

    protected GrpcServerCall Call { get; }

    protected PipeReader Input { get; }

    protected PipeWriter Output { get; }

    public override ValueTask<int> ReadAsync(Memory<byte> buffer)
    {
        var reading = Input.ReadAsync(CancellationToken.None);
        if (!reading.IsCompletedSuccessfully)
        {
            return ReadSlowAsync(reading, buffer);
        }

        return TryTake(reading.Result, buffer, out var count)
            ? new ValueTask<int>(count)
            : ReadSlowAsync(Input.ReadAsync(CancellationToken.None), buffer);
    }

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer)
    {
        Call.WriteHeaders();
        return WriteBodyAsync(buffer);
    }

    // The client may leave a call that nobody reads or writes.
    public override void Attach(IByteConnectionHost host) => _watchingRequest = _requestAborted.UnsafeRegister(
        static (state, _) => ((IByteConnectionHost)state!).OnBroken(new IOException("The client has ended the call.")),
        host);

    public override TFeature? GetFeature<TFeature>()
        where TFeature : class
        => typeof(TFeature) == typeof(IGrpcServerCallFeature) ? Call as TFeature : null;

    public override ValueTask CompleteWritesAsync(ChannelCloseInfo? close)
    {
        if (close is not null)
        {
            return CloseAsync(close);
        }

        // The trailers, and with them the end of the call, wait for the close.
        lock (_endGate)
        {
            return _ended ? ValueTask.CompletedTask : new ValueTask(_halfClosing = WriteAsync(Envelope.FrameEnd(EnvelopeEnd.HalfClose)).AsTask());
        }
    }

    // A cancel is how a client leaves a call that only the server would end, and no failure.
    public override ChannelCloseInfo DescribeFailure(Exception exception)
    {
        if (exception is GrpcCallFailedException failed)
        {
            return failed.Info;
        }

        var isLost = _connectionClosed.IsCancellationRequested;
        return new ChannelCloseInfo(
            ChannelCloseStatus.ConnectionLost,
            IsRemote: true,
            isLost ? "The client's connection was lost." : "The client cancelled the call, or its connection was lost.",
            (long)GrpcStatusCode.Cancelled,
            isLost || !_requestAborted.IsCancellationRequested ? exception : null);
    }

    public override void Abort(ChannelCloseInfo info)
    {
        if (Interlocked.Exchange(ref _aborted, 1) != 0)
        {
            return;
        }

        if (!Volatile.Read(ref _ended))
        {
            if (info.IsRemote || info.Status == ChannelCloseStatus.Aborted)
            {
                Reset();
            }
            else
            {
                // The client is told why. Not here, where nothing may wait, but when the calls in progress have left.
                _refusal = info;
            }
        }

        Wake();
    }

    public override async ValueTask DisposeAsync()
    {
        await _watchingRequest.DisposeAsync().ConfigureAwait(false);
        try
        {
            if (_refusal is { } info)
            {
                await EndAsync(info).WaitAsync(_timeout, _timeProvider).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            Reset();
        }
        finally
        {
            _completion.TrySetResult();
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    protected virtual async ValueTask WriteBodyAsync(ReadOnlyMemory<byte> buffer)
        => ThrowIfGone(await Output.WriteAsync(buffer, CancellationToken.None).ConfigureAwait(false));

    /// <summary>Sends the trailers and ends the response.</summary>
    protected virtual Task WriteEndAsync(IEnumerable<(string Name, string Value)> trailers)
    {
        var response = Context.Response;

        // Without a response so far, the trailers are its headers: Trailers-Only.
        Call.WriteHeaders();
        foreach (var (name, value) in trailers)
        {
            if (response.HasStarted)
            {
                response.AppendTrailer(name, value);
            }
            else
            {
                response.Headers.Append(name, value);
            }
        }

        return response.CompleteAsync();
    }

    /// <summary>Takes what a read found; not when the read must go on.</summary>
    protected virtual bool TryTake(in ReadResult result, Memory<byte> buffer, out int count)
    {
        var available = result.Buffer;
        count = 0;
        if (buffer.IsEmpty && !available.IsEmpty)
        {
            Input.AdvanceTo(available.Start);
            ThrowIfAborted(result);
            return true;
        }

        // Counted before the pipe takes its memory back: a sequence over segments in new use has another length.
        var taken = available.Slice(0, Math.Min(available.Length, buffer.Length));
        count = (int)taken.Length;
        taken.CopyTo(buffer.Span);
        Input.AdvanceTo(taken.End);
        ThrowIfAborted(result);
        return count > 0 || result.IsCompleted || result.IsCanceled;
    }

    protected void ThrowIfGone(FlushResult result)
    {
        // The server drops in silence what is written after a reset.
        if (result.IsCanceled || result.IsCompleted || _requestAborted.IsCancellationRequested || Volatile.Read(ref _aborted) != 0)
        {
            throw new IOException("The client has ended the call.");
        }
    }

    protected void ThrowIfAborted(in ReadResult result)
    {
        if (!result.IsCanceled)
        {
            return;
        }

        if (Volatile.Read(ref _aborted) != 0)
        {
            throw new IOException("The call was aborted.");
        }

        if (Volatile.Read(ref _ended))
        {
            // The next read ends at once too: this one may have had no buffer, and then its end is not taken for the client's.
            Input.CancelPendingRead();
        }
    }

    private async ValueTask CloseAsync(ChannelCloseInfo close)
    {
        try
        {
            await EndAsync(close).WaitAsync(_timeout, _timeProvider).ConfigureAwait(false);
        }
        catch
        {
            Reset();
            throw;
        }

        // The call is over in both directions; nobody has to wait for what the client still sends.
        Input.CancelPendingRead();
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<int> ReadSlowAsync(ValueTask<ReadResult> reading, Memory<byte> buffer)
    {
        while (true)
        {
            if (TryTake(await reading.ConfigureAwait(false), buffer, out var count))
            {
                return count;
            }

            reading = Input.ReadAsync(CancellationToken.None);
        }
    }

    private async Task EndAsync(ChannelCloseInfo close)
    {
        Task halfClosing;
        lock (_endGate)
        {
            if (_ended)
            {
                return;
            }

            Volatile.Write(ref _ended, true);
            halfClosing = _halfClosing;
        }

        // Only one may write at a time.
        await halfClosing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await WriteEndAsync(Call.EndWith(close.Status, close.Description)).ConfigureAwait(false);
    }

    private void Reset()
    {
        try
        {
            if (_reset is null)
            {
                // HTTP/1.1 ends with its connection.
                Context.Abort();
            }

            _reset?.Reset(HttpProtocol.IsHttp3(Context.Request.Protocol) ? Http3RequestCancelled : Http2Cancel);
        }
        catch (Exception e) when (e is ObjectDisposedException or InvalidOperationException)
        {
            // The request is over already.
        }
    }

    // The server throws whatever ended the request, and no matter what it is, the calls in progress have ended with it.
    private void Wake()
    {
        try
        {
            Input.CancelPendingRead();
            Output.CancelPendingFlush();
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
        }
    }
}
