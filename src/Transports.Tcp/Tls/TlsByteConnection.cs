using System.Net.Security;
using System.Net.Sockets;
using System.Runtime.CompilerServices;

namespace Transports;

/// <summary>Bytes over TLS over a socket.</summary>
/// <remarks>
/// The peer's end is its close_notify. A connection that ends without one may have been cut by anybody (RFC 8446, section
/// 6.1), so that is a lost connection, unless the options allow for peers that never send one.
/// </remarks>
internal sealed class TlsByteConnection(SslStream stream, TlsSocketStream transport, bool endWithoutCloseNotify) : ByteConnection
{
    public override bool SupportsZeroByteReads => true;

    public override bool SupportsHalfClose => true;

    // TLS reports the close_notify without reading on, so an end seen below it means that none came.
    private bool IsCut => transport.Ended && !endWithoutCloseNotify;

    public override ValueTask<int> ReadAsync(Memory<byte> buffer)
    {
        var reading = stream.ReadAsync(buffer, CancellationToken.None);
        if (!reading.IsCompletedSuccessfully)
        {
            return buffer.IsEmpty ? reading : ReadAndCheckAsync(reading);
        }

        var count = reading.Result;
        return count == 0 && !buffer.IsEmpty && IsCut ? ValueTask.FromException<int>(Cut()) : new ValueTask<int>(count);
    }

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer) => stream.WriteAsync(buffer, CancellationToken.None);

    public override async ValueTask CompleteWritesAsync()
    {
        await stream.ShutdownAsync().ConfigureAwait(false);
        transport.Socket.Shutdown(SocketShutdown.Send);
    }

    public override void Abort() => SocketAbort.Reset(transport.Socket);

    public override ValueTask DisposeAsync() => stream.DisposeAsync();

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<int> ReadAndCheckAsync(ValueTask<int> reading)
    {
        var count = await reading.ConfigureAwait(false);
        return count == 0 && IsCut ? throw Cut() : count;
    }

    private static IOException Cut() => new(
        "The TLS connection ended without a close_notify, so what the peer sent last may have been cut off. If that peer never sends one, set TlsAllowEndWithoutCloseNotify.");
}
