namespace Transports;

/// <summary>What became of the datagrams of a UDP channel: <c>channel.GetFeature&lt;IUdpStatisticsFeature&gt;()</c>.</summary>
/// <remarks>
/// May be read at any time. What one side has sent is what the other has received and dropped, and what was lost between the
/// two. All are exact, in datagrams, but for <see cref="DroppedByKernel"/> under receive offload. Bytes are those of payloads.
/// </remarks>
public interface IUdpStatisticsFeature
{
    /// <summary>Datagrams that the operating system took: of those accepted by a send, all when a flush has completed.</summary>
    long DatagramsSent { get; }

    /// <summary>Bytes that the operating system took.</summary>
    long BytesSent { get; }

    /// <summary>Datagrams that reached a channel: received, or there to be received.</summary>
    long DatagramsReceived { get; }

    /// <summary>Bytes that reached a channel.</summary>
    long BytesReceived { get; }

    /// <summary>Accepted datagrams that the operating system refused: no buffer space, a firewall's rule, no route.</summary>
    long SendErrors { get; }

    /// <summary>Datagrams that arrived when the peer's queue was full. Always 0 on a client: its queue is the socket's.</summary>
    long DroppedQueueFull { get; }

    /// <summary>Datagrams that arrived larger than the limit.</summary>
    long DroppedTooLarge { get; }

    /// <summary>Sends refused because the peer has not answered yet and had sent too little; see <see cref="UdpTransportOptions.LimitAmplification"/>.</summary>
    long RefusedByAmplificationLimit { get; }

    /// <summary>
    /// What the kernel dropped because the socket's buffer was full. Known on Linux, 0 elsewhere. Exact in datagrams when
    /// <see cref="UdpTransportOptions.EnableReceiveOffload"/> or <see cref="UdpTransportOptions.EnableBatching"/> is off. With both on it is a
    /// lower bound: once reading is batched, the kernel counts packets, and one may carry up to 64 joined datagrams of one sender
    /// and size, or 128 from a sender that makes them so. 0 still means that nothing was dropped. Of a listener's channel this is the whole
    /// listener's: the kernel keeps one count a socket.
    /// </summary>
    long DroppedByKernel { get; }
}
