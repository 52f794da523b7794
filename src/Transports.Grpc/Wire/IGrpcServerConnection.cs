namespace Transports;

/// <summary>A call's bytes on the server, told what the channel read in an envelope.</summary>
internal interface IGrpcServerConnection
{
    /// <summary>The client has closed the channel, so that completing the writes ends the call, in place of a half-close.</summary>
    void OnPeerClosed();
}
