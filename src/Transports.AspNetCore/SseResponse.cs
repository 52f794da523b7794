using System.Text;
using Microsoft.AspNetCore.Http;

namespace Transports;

/// <summary>One response that events are written to. A session has one at a time, and may have several after one another.</summary>
/// <remarks>Writes come one at a time. Once a client is gone, writes report that; they do not throw.</remarks>
internal sealed class SseResponse(HttpContext context, TimeSpan writeTimeout, TimeProvider time)
{
    private readonly TaskCompletionSource _detached = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationToken _gone = context.RequestAborted;
    private readonly Lock _gate = new();
    private long _writeBegan;

    /// <summary>A comment: nothing to a client, but proof of life to everything between.</summary>
    public static ReadOnlyMemory<byte> KeepAlive { get; } = ":\n\n"u8.ToArray();

    /// <summary>Completes when nothing more will be written, so that the response can end.</summary>
    public Task Detached => _detached.Task;

    /// <summary>Sends the header and the first lines at once, so that the client knows it is connected.</summary>
    public async ValueTask<bool> BeginAsync(string? opening)
        => await WriteAsync(opening is null ? KeepAlive : Encoding.UTF8.GetBytes(opening)).ConfigureAwait(false);

    public async ValueTask<bool> WriteAsync(ReadOnlyMemory<byte> events)
    {
        if (_gone.IsCancellationRequested || _detached.Task.IsCompleted)
        {
            return false;
        }

        Volatile.Write(ref _writeBegan, time.GetTimestamp());
        try
        {
            var flushed = await context.Response.BodyWriter.WriteAsync(events, CancellationToken.None).ConfigureAwait(false);

            // Kestrel swallows what is written to a connection that is gone.
            return !flushed.IsCompleted && !_gone.IsCancellationRequested;
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or InvalidOperationException or ObjectDisposedException)
        {
            return false;
        }
        finally
        {
            Volatile.Write(ref _writeBegan, 0);
        }
    }

    /// <summary>Breaks the connection off when its client has not taken a write for too long.</summary>
    public bool AbortIfStalled()
    {
        var began = Volatile.Read(ref _writeBegan);
        if (began == 0 || time.GetElapsedTime(began) < writeTimeout)
        {
            return false;
        }

        context.Abort();
        return true;
    }

    /// <summary>Lets the response end. Not while a write is in progress: the server uses the request's objects again.</summary>
    public void Detach()
    {
        lock (_gate)
        {
            _detached.TrySetResult();
        }
    }

    /// <summary>Breaks the connection off, as long as it is this response's; it is detached when the server has noticed.</summary>
    public void Abort()
    {
        lock (_gate)
        {
            if (!_detached.Task.IsCompleted)
            {
                context.Abort();
            }
        }
    }
}
