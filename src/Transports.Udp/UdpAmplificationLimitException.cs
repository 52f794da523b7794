using System.Globalization;

namespace Transports;

/// <summary>A send would have given a peer that has not answered yet more bytes than it sent. Nothing was sent; the channel stays open.</summary>
/// <remarks>See <see cref="UdpTransportOptions.LimitAmplification"/>.</remarks>
public class UdpAmplificationLimitException : TransportException
{
    /// <summary>An exception for a refused send.</summary>
    /// <param name="size">What the send would have cost, in bytes with headers.</param>
    /// <param name="allowance">How much it may still be sent, in bytes with headers.</param>
    public UdpAmplificationLimitException(long size, long allowance)
        : base(string.Create(
            CultureInfo.InvariantCulture,
            $"The peer has not answered yet, and a send of {size} bytes is over the {allowance} bytes left of what it sent. Send less, wait for its next message, let the client's first message be as long as the reply, or set LimitAmplification to false where source addresses cannot be forged."))
    {
        Size = size;
        Allowance = allowance;
    }

    /// <summary>What the send would have cost, in bytes with 28 for the headers of each datagram.</summary>
    public long Size { get; }

    /// <summary>How much the peer may still be sent before it answers, in bytes, counted in the same way.</summary>
    public long Allowance { get; }
}
