using System.Net.Sockets;

namespace Transports;

/// <summary>Bytes over a connected stream socket.</summary>
internal sealed class SocketByteConnection(Socket socket) : ByteConnection
{
    private CancellationTokenSource _interruption = new();

    public override bool SupportsZeroByteReads => true;

    // A socket gives up a read without losing bytes: it is either still queued, or done.
    public override bool SupportsReadInterruption => true;

    public override bool SupportsHalfClose => true;

    public override ValueTask<int> ReadAsync(Memory<byte> buffer) => socket.ReceiveAsync(buffer, SocketFlags.None, Volatile.Read(ref _interruption).Token);

    public override void InterruptRead() => Interlocked.Exchange(ref _interruption, new CancellationTokenSource()).Cancel();

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer)
    {
        var sending = socket.SendAsync(buffer, SocketFlags.None);
        if (!sending.IsCompletedSuccessfully)
        {
            return WriteRestAsync(sending, buffer);
        }

        // A stream socket's send completes when all is sent; should a platform ever send less, the rest follows.
        var sent = sending.Result;
        return sent == buffer.Length ? ValueTask.CompletedTask : WriteRestAsync(new ValueTask<int>(sent), buffer);
    }

    public override ValueTask CompleteWritesAsync()
    {
        socket.Shutdown(SocketShutdown.Send);
        return ValueTask.CompletedTask;
    }

    public override void Abort() => SocketAbort.Reset(socket);

    public override ValueTask DisposeAsync()
    {
        socket.Dispose();
        return ValueTask.CompletedTask;
    }

    [System.Runtime.CompilerServices.AsyncMethodBuilder(typeof(System.Runtime.CompilerServices.PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask WriteRestAsync(ValueTask<int> sending, ReadOnlyMemory<byte> buffer)
    {
        while (true)
        {
            buffer = buffer[await sending.ConfigureAwait(false)..];
            if (buffer.IsEmpty)
            {
                return;
            }

            sending = socket.SendAsync(buffer, SocketFlags.None);
        }
    }
}
