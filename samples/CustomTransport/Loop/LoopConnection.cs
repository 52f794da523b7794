using System.Net.Sockets;
using Transports.Extensibility;
using Transports;

namespace CustomTransport;

/// <summary>Bytes over a socket. <see cref="ByteConnection.Create(Socket)"/> makes such a one; written out, this is all that a byte transport owes the engine.</summary>
// snippet: byte-connection
internal sealed class LoopConnection(Socket socket) : ByteConnection
{
    // The peer can go on sending after our CompleteWritesAsync(null).
    public override bool SupportsHalfClose => true;

    // A read into an empty buffer waits until there is something, so an idle channel holds no buffer.
    public override bool SupportsZeroByteReads => true;

    // Learned without taking a byte: asked while nobody receives and enough is held.
    public override bool IsBroken
    {
        get
        {
            try
            {
                return socket.Poll(0, SelectMode.SelectError);
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                return true;
            }
        }
    }

    // 0 is the peer's end. No token: whoever gives up waiting must not break the connection.
    public override ValueTask<int> ReadAsync(Memory<byte> buffer) => socket.ReceiveAsync(buffer, SocketFlags.None);

    // All of it, and nothing kept of the buffer.
    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            buffer = buffer[await socket.SendAsync(buffer, SocketFlags.None).ConfigureAwait(false)..];
        }
    }

    // Behind the last write. Bare bytes have no way to say why, so a close says no more than a half-close.
    public override ValueTask CompleteWritesAsync(ChannelCloseInfo? close)
    {
        socket.Shutdown(SocketShutdown.Send);
        return ValueTask.CompletedTask;
    }

    // At any moment, from any thread; pending reads and writes end with an exception, and so do the peer's.
    public override void Abort(ChannelCloseInfo info) => SocketAbort.Reset(socket);

    // Once, last.
    public override ValueTask DisposeAsync()
    {
        socket.Dispose();
        return ValueTask.CompletedTask;
    }
}
// end snippet
