using System.Buffers;
using System.IO.Pipelines;

namespace Transports;

/// <summary>Bytes over a pair of pipes: half-close completes the output.</summary>
internal sealed class PipeByteConnection(IDuplexPipe pipe) : ByteConnection
{
    private int _outputCompleted;
    private int _inputCompleted;
    private int _aborted;

    public override bool SupportsZeroByteReads => true;

    public override bool SupportsHalfClose => true;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer)
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

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer)
    {
        var result = await pipe.Output.WriteAsync(buffer, CancellationToken.None).ConfigureAwait(false);
        if (result.IsCompleted || result.IsCanceled)
        {
            throw new IOException("The peer no longer reads from the pipe.");
        }
    }

    public override ValueTask CompleteWritesAsync() => CompleteOutputAsync(null);

    public override void Abort()
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

    private ValueTask CompleteOutputAsync(Exception? error)
        => Interlocked.Exchange(ref _outputCompleted, 1) == 0 ? pipe.Output.CompleteAsync(error) : ValueTask.CompletedTask;
}
