namespace Transports.Udp;

/// <summary>What a peer may be sent before it has answered: no more than it sent (<see cref="UdpTransportOptions.LimitAmplification"/>).</summary>
/// <remarks>
/// Two states. <c>Unverified</c>: bytes received and sent are counted, with headers. <c>Answered</c>, for good: a datagram came after something was sent to it;
/// nothing is counted any more. Receiving is the listener's alone, sending is anybody's.
/// </remarks>
internal sealed class AmplificationLimit(bool isEnabled)
{
    /// <summary>The headers of IPv4 (20) and UDP (8): what a datagram costs the peer's network beyond its payload, at least.</summary>
    public const int HeaderSize = 28;

    private long _receivedBytes;
    private long _sentBytes;
    private bool _answered = !isEnabled;

    /// <summary>Sends are counted still.</summary>
    public bool Applies => !Volatile.Read(ref _answered);

    /// <summary>A datagram of the peer came.</summary>
    public void OnReceived(int payloadLength)
    {
        if (Applies)
        {
            // One that comes after something was sent to it is an answer, or as good as one: see LimitAmplification.
            Interlocked.Add(ref _receivedBytes, payloadLength + HeaderSize);
            Volatile.Write(ref _answered, Volatile.Read(ref _sentBytes) > 0);
        }
    }

    /// <summary>Takes a send's cost off the allowance. A send that is then given up for want of room leaves it taken: the safe side.</summary>
    /// <param name="cost">Payloads and headers, in bytes.</param>
    /// <returns>Why it may not be sent, or <see langword="null"/>.</returns>
    public UdpAmplificationLimitException? TryTake(long cost)
    {
        while (Applies)
        {
            var sent = Volatile.Read(ref _sentBytes);
            var allowance = Volatile.Read(ref _receivedBytes) - sent;
            if (cost > allowance)
            {
                return new UdpAmplificationLimitException(cost, allowance);
            }

            if (Interlocked.CompareExchange(ref _sentBytes, sent + cost, sent) == sent)
            {
                return null;
            }
        }

        return null;
    }
}
