using System.Buffers;
using System.IO.Pipelines;

namespace Transports.Engine;

/// <summary>Bytes over a pair of pipes: half-close completes the output.</summary>
/// <remarks>
/// A pipe over a socket may close that at once when it is completed, and a socket that is closed with unread input is reset,
/// which loses what was just written (RFC 2525, section 2.17). So a close first takes in what has arrived.
/// </remarks>
internal sealed class PipeByteConnection(IDuplexPipe pipe) : ByteConnection
{
    // Held by who reads: a close takes in the rest, and may meet the receiver there.
    private readonly SemaphoreSlim _reading = new(1);
    private int _outputCompleted;
    private int _inputCompleted;
    private int _aborted;

    public override bool SupportsZeroByteReads => true;

    public override bool SupportsHalfClose => true;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer)
    {
        await _reading.WaitAsync(CancellationToken.None).ConfigureAwait(false);
        try
        {
            var result = await pipe.Input.ReadAsync(CancellationToken.None).ConfigureAwait(false);
            if (result.IsCanceled || Volatile.Read(ref _aborted) != 0)
            {
                throw new IOException("The pipe was aborted.");
            }

            // Counted before the pipe takes its memory back: a sequence over segments in new use has another length.
            var available = result.Buffer.Slice(0, Math.Min(result.Buffer.Length, buffer.Length));
            var count = (int)available.Length;
            available.CopyTo(buffer.Span);
            pipe.Input.AdvanceTo(available.End);
            return count;
        }
        finally
        {
            _reading.Release();
        }
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer)
    {
        var result = await pipe.Output.WriteAsync(buffer, CancellationToken.None).ConfigureAwait(false);
        if (result.IsCompleted || result.IsCanceled)
        {
            throw new IOException("The peer no longer reads from the pipe.");
        }
    }

    public override async ValueTask CompleteWritesAsync(ChannelCloseInfo? close)
    {
        if (close is not null)
        {
            await TakeInRestAsync().ConfigureAwait(false);
        }

        await CompleteOutputAsync(null).ConfigureAwait(false);
    }

    public override void Abort(ChannelCloseInfo info)
    {
        // A pipe must not be completed while it is being read or written, so the pending calls are woken and
        // DisposeAsync completes it.
        if (Interlocked.Exchange(ref _aborted, 1) == 0)
        {
            pipe.Input.CancelPendingRead();
            pipe.Output.CancelPendingFlush();
        }
    }

    public override async ValueTask DisposeAsync()
    {
        var error = Volatile.Read(ref _aborted) == 0 ? null : new IOException("The other end of the pipe was aborted.");
        await CompleteOutputAsync(error).ConfigureAwait(false);
        if (Interlocked.Exchange(ref _inputCompleted, 1) == 0)
        {
            await pipe.Input.CompleteAsync(error).ConfigureAwait(false);
        }
    }

    // Drops what is there, until a read would have to wait. A receiver that waits in a read has nothing left to be dropped.
    private async ValueTask TakeInRestAsync()
    {
        if (!_reading.Wait(0, CancellationToken.None))
        {
            return;
        }

        try
        {
            while (Volatile.Read(ref _aborted) == 0)
            {
                var reading = pipe.Input.ReadAsync(CancellationToken.None);
                if (!reading.IsCompleted)
                {
                    pipe.Input.CancelPendingRead();
                }

                var result = await reading.ConfigureAwait(false);
                pipe.Input.AdvanceTo(result.Buffer.End);
                if (result.IsCompleted || result.IsCanceled)
                {
                    return;
                }
            }
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // The input has failed, which whoever reads it next is told.
        }
        finally
        {
            _reading.Release();
        }
    }

    private ValueTask CompleteOutputAsync(Exception? error)
        => Interlocked.Exchange(ref _outputCompleted, 1) == 0 ? pipe.Output.CompleteAsync(error) : ValueTask.CompletedTask;
}
