using System.Net;
using System.Net.Http.Headers;

namespace Transports.Grpc;

/// <summary>A request body that is written by somebody else, for as long as the call lasts.</summary>
internal sealed class GrpcRequestContent : HttpContent
{
    private readonly TaskCompletionSource<Stream> _started = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _finished = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _answered = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TaskCompletionSource? _superseded;
    private bool _aborting;

    private readonly EndingCalls _ending;

    /// <param name="contentType">The body's type.</param>
    /// <param name="ending">Told of a body that the server has ended, until the HTTP stack knows it to be over.</param>
    public GrpcRequestContent(string contentType, EndingCalls ending)
    {
        _ending = ending;
        Headers.ContentType = new MediaTypeHeaderValue(contentType);
    }

    /// <summary>Completes with the body's stream when the connection is there and the request's headers have been written.</summary>
    public Task<Stream> Started => _started.Task;

    /// <summary>Writes what was written so far to another stream, from the beginning; throws when that is not possible any more.</summary>
    public Func<Stream, Task>? Restart { get; set; }

    /// <summary>Ends the body, which ends the stream's sending half.</summary>
    public void Finish() => _finished.TrySetResult();

    /// <summary>The response's headers have arrived, or will not.</summary>
    public void OnAnswered() => _answered.TrySetResult();

    /// <summary>An abort begins, and <see cref="Cancel"/> follows: until then the body must not end, which could look like a half-close.</summary>
    public void BeginAbort() => Volatile.Write(ref _aborting, true);

    /// <summary>Fails the body, which resets the stream unless it is over already.</summary>
    public void Cancel()
    {
        _started.TrySetCanceled();
        _finished.TrySetCanceled();
        _answered.TrySetResult();
    }

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        => SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        // Its continuations are the HTTP stack's, and run inside its completion: when that returns, the stack knows that the stream is over.
        var done = new TaskCompletionSource();
        _ = RunAsync(stream, done, cancellationToken);
        return done.Task;
    }

    private async Task RunAsync(Stream stream, TaskCompletionSource done, CancellationToken cancellationToken)
    {
        var over = new BodyEnd(_ending);
        try
        {
            await LastAsync(stream, over, cancellationToken).ConfigureAwait(false);
            done.SetResult();
        }
        catch (OperationCanceledException e)
        {
            done.SetCanceled(e.CancellationToken);
        }
        catch (Exception e)
        {
            done.SetException(e);
        }
        finally
        {
            over.Leave();
        }
    }

    private async Task LastAsync(Stream stream, BodyEnd over, CancellationToken cancellationToken)
    {
        var superseded = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Interlocked.Exchange(ref _superseded, superseded)?.TrySetResult();
        if (!_started.TrySetResult(stream))
        {
            // The server refused the stream unseen, as one too many for its connection, and the request is sent again on another.
            await (Restart ?? throw new InvalidOperationException("A call cannot be sent twice."))(stream).ConfigureAwait(false);
        }

        // A stream that the server has ended must not stay open for a body that nobody there reads: a server that stops waits for it. This
        // stream only: the request may be sent again on another. It goes on at once, on the thread that read the server's reset: a stream that
        // is still open here when the connection ends a moment later would lose what was received on it.
        using (cancellationToken.UnsafeRegister(static state => ((BodyEnd)state!).Enter(), over))
        {
            await Task.WhenAny(_finished.Task, over.Entered).ConfigureAwait(false);
        }

        if (Volatile.Read(ref _aborting) || !over.Entered.IsCompleted)
        {
            await _finished.Task.ConfigureAwait(false);
            return;
        }

        // Not before the answer: an exception from here would hide the code of a reset, which is the reason that there is none. And no end of the
        // body in place of an exception: the stack would write END_STREAM on a stream that is closed.
        await Task.WhenAny(_answered.Task, superseded.Task).ConfigureAwait(false);
        throw new OperationCanceledException(cancellationToken);
    }

    protected override bool TryComputeLength(out long length)
    {
        length = 0;
        return false;
    }

    // The server has reset the body of one stream. Entered once at most, and left once the stack knows.
    private sealed class BodyEnd(EndingCalls ending)
    {
        // Without asynchronous continuations: what follows runs on the thread that read the reset.
        private readonly TaskCompletionSource _entered = new();

        public Task Entered => _entered.Task;

        public void Enter()
        {
            ending.Enter();
            _entered.SetResult();
        }

        public void Leave()
        {
            if (Entered.IsCompleted)
            {
                ending.Leave();
            }
        }
    }
}
