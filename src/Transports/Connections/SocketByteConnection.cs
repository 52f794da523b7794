using System.Net;
using System.Net.Sockets;

namespace Transports.Engine;

/// <summary>Bytes over a connected stream socket.</summary>
internal sealed class SocketByteConnection(Socket socket) : ByteConnection, IConnectionEndPointFeature
{
    // Made by the first read that holds a buffer: only that is ever interrupted, and an idle connection's wait for bytes has none.
    private CancellationTokenSource? _interruption;
    private volatile bool _shutDown;

    // Taken down once: a socket no longer tells when it is disposed.
    public EndPoint? LocalEndPoint { get; } = socket.LocalEndPointOrNull();

    public EndPoint? RemoteEndPoint { get; } = socket.RemoteEndPointOrNull();

    public override bool SupportsZeroByteReads => true;

    // A socket gives up a read without losing bytes: it is either still queued, or done.
    public override bool SupportsReadInterruption => true;

    public override bool SupportsHalfClose => true;

    // A reset is an error of the socket's, which this does not take away from who reads.
    public override bool IsBroken => SocketState.IsBroken(socket);

    public override ValueTask<int> ReadAsync(Memory<byte> buffer)
        => socket.ReceiveAsync(buffer, SocketFlags.None, buffer.IsEmpty ? CancellationToken.None : InterruptionToken());

    public override void InterruptRead() => Interlocked.Exchange(ref _interruption, null)?.Cancel();

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

    // A failed send uses up the reset that failed it, and a read then finds a clean end. The connection's state tells them apart, while this side has not ended its own bytes.
    public override ChannelCloseInfo? DescribeEnd()
        => !_shutDown && SocketState.IsReset(socket)
            ? new ChannelCloseInfo(ChannelCloseStatus.ConnectionLost, IsRemote: true, "The connection was reset.", (long)SocketError.ConnectionReset)
            : null;

    // Once half-closed, nothing is left to be told.
    public override ValueTask CompleteWritesAsync(ChannelCloseInfo? close)
    {
        _shutDown = true;
        socket.Shutdown(SocketShutdown.Send);
        return ValueTask.CompletedTask;
    }

    public override void Abort(ChannelCloseInfo info) => SocketAbort.Reset(socket);

    public override ValueTask DisposeAsync()
    {
        socket.Dispose();
        return ValueTask.CompletedTask;
    }

    private CancellationToken InterruptionToken()
    {
        var interruption = Volatile.Read(ref _interruption);
        if (interruption is null)
        {
            // One read at a time, and an interruption only takes away: nobody else makes one.
            interruption = new CancellationTokenSource();
            Volatile.Write(ref _interruption, interruption);
        }

        return interruption.Token;
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
