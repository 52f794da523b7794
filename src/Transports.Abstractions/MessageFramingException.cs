namespace Transports;

/// <summary>Bytes are not a frame, a stream ended inside one, or a payload cannot be carried by the framing.</summary>
public class MessageFramingException : TransportException
{
    /// <summary>An exception with a message.</summary>
    /// <param name="message">What is wrong with the bytes and what to do.</param>
    public MessageFramingException(string message)
        : base(message)
    {
    }

    /// <summary>An exception with a message and a cause.</summary>
    /// <param name="message">What is wrong with the bytes and what to do.</param>
    /// <param name="innerException">The cause.</param>
    public MessageFramingException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}
