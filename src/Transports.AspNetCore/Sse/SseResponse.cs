using System.IO.Pipelines;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace Transports.AspNetCore;

/// <summary>One response that events are written to. A session has one at a time, and may have several after one another.</summary>
/// <remarks>
/// <para>Writes come one at a time. Once a client is gone, writes report that; they do not throw.</para>
/// <para>The request is never aborted while the server is inside a call that writes to it: over HTTP/3 Kestrel takes its locks for the two in opposite
/// order, and both would wait for ever. An abort that comes then is the writer's to make, when that call has returned.</para>
/// </remarks>
internal sealed class SseResponse(HttpContext context, TimeSpan writeTimeout, TimeProvider time)
{
    private readonly TaskCompletionSource _detached = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationToken _gone = context.RequestAborted;
    private readonly Lock _gate = new();
    private long _writeBegan;
    private bool _insideWrite;
    private bool _abortWanted;

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
            var flushed = await BeginWrite(events).ConfigureAwait(false);

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

        Abort();
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
            if (_insideWrite)
            {
                _abortWanted = true;
            }
            else if (!_detached.Task.IsCompleted)
            {
                context.Abort();
            }
        }
    }

    // Returns as soon as the server has the bytes or has to wait, which is where an abort may come.
    private ValueTask<FlushResult> BeginWrite(ReadOnlyMemory<byte> events)
    {
        lock (_gate)
        {
            _insideWrite = true;
        }

        try
        {
            return context.Response.BodyWriter.WriteAsync(events, CancellationToken.None);
        }
        finally
        {
            lock (_gate)
            {
                _insideWrite = false;
                if (_abortWanted)
                {
                    Abort();
                }
            }
        }
    }
}
