namespace Transports;

/// <summary>What became of the datagrams of a UDP channel: <c>channel.GetFeature&lt;IUdpStatistics&gt;()</c>.</summary>
/// <remarks>
/// Exact, and may be read at any time. What one side has sent is what the other has received and dropped, and what was lost
/// between the two. Bytes are those of payloads.
/// </remarks>
public interface IUdpStatistics
{
    /// <summary>Datagrams that the operating system took.</summary>
    long DatagramsSent { get; }

    /// <summary>Bytes that the operating system took.</summary>
    long BytesSent { get; }

    /// <summary>Datagrams that reached a channel: received, or there to be received.</summary>
    long DatagramsReceived { get; }

    /// <summary>Bytes that reached a channel.</summary>
    long BytesReceived { get; }

    /// <summary>Accepted datagrams that the operating system refused: no buffer space, a firewall's rule, no route.</summary>
    long DroppedUnsent { get; }

    /// <summary>Datagrams that arrived when the peer's queue was full. Always 0 on a client: its queue is the socket's.</summary>
    long DroppedQueueFull { get; }

    /// <summary>Datagrams that arrived larger than the limit.</summary>
    long DroppedTooLarge { get; }

    /// <summary>Sends refused because the peer has not answered yet; see <see cref="UdpTransportOptions.LimitAmplification"/>.</summary>
    long RefusedUnanswered { get; }

    /// <summary>
    /// Datagrams that the kernel dropped because the socket's buffer was full. Known on Linux, 0 elsewhere. Of a
    /// listener's channel this is the whole listener's: the kernel keeps one count a socket.
    /// </summary>
    long DroppedByKernel { get; }
}
