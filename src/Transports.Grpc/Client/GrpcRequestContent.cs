using System.Net;
using System.Net.Http.Headers;

namespace Transports;

/// <summary>A request body that is written by somebody else, for as long as the call lasts.</summary>
internal sealed class GrpcRequestContent : HttpContent
{
    private readonly TaskCompletionSource<Stream> _started = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _finished = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private bool _aborting;
    private bool _hasResponse;

    public GrpcRequestContent(string contentType) => Headers.ContentType = new MediaTypeHeaderValue(contentType);

    /// <summary>Completes with the body's stream when the connection is there and the request's headers have been written.</summary>
    public Task<Stream> Started => _started.Task;

    /// <summary>Writes what was written so far to another stream, from the beginning; throws when that is not possible any more.</summary>
    public Func<Stream, Task>? Restart { get; set; }

    /// <summary>Ends the body, which ends the stream's sending half.</summary>
    public void Finish() => _finished.TrySetResult();

    /// <summary>The response's headers have arrived.</summary>
    public void OnResponse() => Volatile.Write(ref _hasResponse, true);

    /// <summary>An abort begins, and <see cref="Cancel"/> follows: until then the body must not end, which could look like a half-close.</summary>
    public void BeginAbort() => Volatile.Write(ref _aborting, true);

    /// <summary>Fails the body, which resets the stream unless it is over already.</summary>
    public void Cancel()
    {
        _started.TrySetCanceled();
        _finished.TrySetCanceled();
    }

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        => SerializeToStreamAsync(stream, context, CancellationToken.None);

    // No exception for the token while there is no response: it is cancelled too when the server resets the stream, and an exception from
    // here would hide the reset's code, which is the reason.
    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        if (!_started.TrySetResult(stream))
        {
            // The server refused the stream unseen, as one too many for its connection, and the request is sent again on another.
            await (Restart ?? throw new InvalidOperationException("A call cannot be sent twice."))(stream).ConfigureAwait(false);
        }

        // A stream that the server has ended must not stay open for a body that nobody there reads: a server that stops waits for it. This
        // stream only: the request may be sent again on another.
        var over = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using (cancellationToken.UnsafeRegister(static state => ((TaskCompletionSource)state!).TrySetResult(), over))
        {
            await Task.WhenAny(_finished.Task, over.Task).ConfigureAwait(false);
        }

        if (Volatile.Read(ref _aborting) || _finished.Task.IsCompleted)
        {
            await _finished.Task.ConfigureAwait(false);
        }
        else if (Volatile.Read(ref _hasResponse))
        {
            // Nobody waits for this exception, and with it the stack writes nothing more on the stream. A late END_STREAM could meet a
            // connection that the server has closed, and the failed write would take other streams' answers with it.
            throw new OperationCanceledException(cancellationToken);
        }
    }

    protected override bool TryComputeLength(out long length)
    {
        length = 0;
        return false;
    }
}
