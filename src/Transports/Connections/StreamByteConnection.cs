using System.Net.Security;
using System.Net.Sockets;

namespace Transports.Engine;

/// <summary>Bytes over any duplex stream.</summary>
/// <remarks>
/// The end of a stream is its disposal, but where the stream is known to have one of its own: a socket's stream shuts its
/// socket down for sending, and goes on reading; TLS sends its close_notify (RFC 8446, section 6.1), without which the peer
/// would take the end for a cut. Only these can linger: whoever closes a socket with unread input resets the connection, and
/// what was just written is lost (RFC 2525, section 2.17).
/// </remarks>
internal sealed class StreamByteConnection(Stream stream) : ByteConnection
{
    // A derived class may have an idea of its own about what ending it means.
    private readonly Socket? _socket = stream.GetType() == typeof(NetworkStream) ? ((NetworkStream)stream).Socket : null;
    private readonly SslStream? _tls = stream as SslStream;
    private int _ended;

    public override bool SupportsHalfClose => _socket is not null;

    public override ValueTask<int> ReadAsync(Memory<byte> buffer) => stream.ReadAsync(buffer, CancellationToken.None);

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer)
    {
        var writing = stream.WriteAsync(buffer, CancellationToken.None);
        if (!writing.IsCompletedSuccessfully)
        {
            return WriteAndFlushAsync(writing);
        }

        writing.GetAwaiter().GetResult();
        return new ValueTask(stream.FlushAsync(CancellationToken.None));
    }

    public override ValueTask CompleteWritesAsync(ChannelCloseInfo? close)
    {
        if (_socket is { } socket)
        {
            socket.Shutdown(SocketShutdown.Send);
            return ValueTask.CompletedTask;
        }

        return _tls is { } tls ? ShutdownAsync(tls) : DisposeAsync();
    }

    public override void Abort(ChannelCloseInfo info)
    {
        if (Interlocked.Exchange(ref _ended, 1) != 0)
        {
            return;
        }

        if (_socket is { } socket)
        {
            SocketAbort.Reset(socket);
        }

        try
        {
            stream.Dispose();
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or InvalidOperationException or NotSupportedException)
        {
            // The stream is being given up; what it has to say about that helps nobody.
        }
    }

    public override ValueTask DisposeAsync()
        => Interlocked.Exchange(ref _ended, 1) == 0 ? stream.DisposeAsync() : ValueTask.CompletedTask;

    // No half-close, although TLS has one: a read at the same time may take a record from under it, and lose it. At the close
    // nobody misses that record, nor can the peer's close_notify be waited for after it.
    private async ValueTask ShutdownAsync(SslStream tls)
    {
        try
        {
            await tls.ShutdownAsync().ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or InvalidOperationException or System.Security.Authentication.AuthenticationException)
        {
            // The handshake was not done, or the stream has ended in another way: what is left is to dispose it.
            await DisposeAsync().ConfigureAwait(false);
        }
    }

    private async ValueTask WriteAndFlushAsync(ValueTask writing)
    {
        await writing.ConfigureAwait(false);
        await stream.FlushAsync(CancellationToken.None).ConfigureAwait(false);
    }
}
