using System.Net.Sockets;

namespace Transports.Tcp;

/// <summary>An accepted socket whose channel is being opened.</summary>
internal sealed class PendingConnection(Socket socket, long since)
{
    private volatile bool _heard;
    private volatile bool _dropped;

    public Socket Socket { get; } = socket;

    /// <summary>The clock's timestamp when it was accepted.</summary>
    public long Since { get; } = since;

    /// <summary><see langword="true"/> once it was aborted.</summary>
    public bool Dropped => _dropped;

    /// <summary><see langword="true"/> once the peer has sent something.</summary>
    public bool Heard => _heard;

    public void NoteHeard() => _heard = true;

    /// <summary>Resets the connection, which ends its handshake.</summary>
    public void Abort()
    {
        _dropped = true;
        SocketAbort.Reset(Socket);
    }
}
