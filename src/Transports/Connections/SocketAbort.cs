using System.Net.Sockets;

namespace Transports.Extensibility;

/// <summary>Ends a TCP connection with a reset (RFC 9293, section 3.10.5), so that the peer can tell it from a finished one.</summary>
public static class SocketAbort
{
    /// <summary>Resets and disposes the socket. Idempotent; never throws.</summary>
    /// <param name="socket">The socket.</param>
    public static void Reset(Socket socket)
    {
        ArgumentNullException.ThrowIfNull(socket);
        try
        {
            // Linger of zero turns the close into a reset.
            socket.LingerState = new LingerOption(enable: true, seconds: 0);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Gone already, or a kind of socket without linger: the close below is all there is to do.
        }

        socket.Dispose();
    }
}
