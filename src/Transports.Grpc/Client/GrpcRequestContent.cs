using System.Net;
using System.Net.Http.Headers;

namespace Transports;

/// <summary>A request body that is written by somebody else, for as long as the call lasts.</summary>
internal sealed class GrpcRequestContent : HttpContent
{
    private readonly TaskCompletionSource<Stream> _started = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _finished = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public GrpcRequestContent(string contentType) => Headers.ContentType = new MediaTypeHeaderValue(contentType);

    /// <summary>Completes with the body's stream when the connection is there and the request's headers have been written.</summary>
    public Task<Stream> Started => _started.Task;

    /// <summary>Ends the body, which ends the stream's sending half.</summary>
    public void Finish() => _finished.TrySetResult();

    /// <summary>Fails the body, which resets the stream unless it is over already.</summary>
    public void Cancel()
    {
        _started.TrySetCanceled();
        _finished.TrySetCanceled();
    }

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        => SerializeToStreamAsync(stream, context, CancellationToken.None);

    // The token is left alone on purpose: when the server resets the stream it is cancelled too, and an exception from here
    // would hide the reset's code, which is the reason.
    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
        => _started.TrySetResult(stream)
            ? _finished.Task
            : Task.FromException(new InvalidOperationException("A call cannot be sent twice: its messages are gone."));

    protected override bool TryComputeLength(out long length)
    {
        length = 0;
        return false;
    }
}
