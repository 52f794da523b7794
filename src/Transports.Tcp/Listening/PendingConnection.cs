using System.Net.Sockets;

namespace Transports;

/// <summary>An accepted socket whose channel is being opened.</summary>
internal sealed class PendingConnection(Socket socket)
{
    private volatile bool _heard;

    public Socket Socket { get; } = socket;

    /// <summary><see langword="true"/> once the peer has sent something.</summary>
    public bool Heard => _heard;

    public void NoteHeard() => _heard = true;

    /// <summary>Resets the connection, which ends its handshake.</summary>
    public void Abort() => SocketAbort.Reset(Socket);
}
