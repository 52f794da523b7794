namespace Transports;

/// <summary>
/// A framing whose frame is a header made from the length, the payload as it is, and nothing else: a payload can be written
/// first and framed after, in place.
/// </summary>
public interface IPrefixFraming : IMessageFraming
{
    /// <summary>The longest header, in bytes.</summary>
    int MaxHeaderSize { get; }

    /// <summary>Writes the header of a payload.</summary>
    /// <param name="payloadLength">The payload's length in bytes.</param>
    /// <param name="header">Where to; at least <see cref="MaxHeaderSize"/> bytes.</param>
    /// <returns>How many bytes were written.</returns>
    /// <exception cref="MessageFramingException">This framing cannot carry a payload of this length.</exception>
    int WriteHeader(long payloadLength, Span<byte> header);
}
