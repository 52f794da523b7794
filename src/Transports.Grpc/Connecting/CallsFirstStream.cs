using System.Net.Sockets;
using System.Runtime.CompilerServices;

namespace Transports.Grpc;

/// <summary>A connection's bytes, whose end is told behind what has arrived, and when the calls that had ended before it are over: see <see cref="EndingCalls"/>.</summary>
/// <param name="socket">The socket; the stream's from here on.</param>
/// <param name="ending">The calls to wait for.</param>
/// <param name="patience">How long at most.</param>
/// <param name="timeProvider">The clock.</param>
internal sealed class CallsFirstStream(Socket socket, EndingCalls ending, TimeSpan patience, TimeProvider timeProvider) : NetworkStream(socket, ownsSocket: true)
{
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        int count;
        try
        {
            count = await base.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
        }
        catch (IOException)
        {
            await WaitForCallsAsync().ConfigureAwait(false);
            throw;
        }

        if (count == 0 && !buffer.IsEmpty)
        {
            await WaitForCallsAsync().ConfigureAwait(false);
        }

        return count;
    }

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var writing = base.WriteAsync(buffer, cancellationToken);
        return writing.IsCompletedSuccessfully ? writing : WriteSlowAsync(writing);
    }

    // A failed write would end every call of the connection before what has arrived for them is read. The peer is gone: the read tells it, behind that.
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private static async ValueTask WriteSlowAsync(ValueTask writing)
    {
        try
        {
            await writing.ConfigureAwait(false);
        }
        catch (IOException e) when (e.InnerException is SocketException { SocketErrorCode: SocketError.ConnectionReset or SocketError.Shutdown or SocketError.ConnectionAborted })
        {
        }
    }

    private async Task WaitForCallsAsync()
    {
        try
        {
            await ending.WhenNoneAsync().WaitAsync(patience, timeProvider).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            // Whatever keeps them, the connection is over.
        }
    }
}
