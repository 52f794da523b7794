namespace Transports;

/// <summary>A transport failed: the base of this library's exceptions.</summary>
public class TransportException : IOException
{
    /// <summary>An exception with a general message.</summary>
    public TransportException()
        : this("The transport failed.")
    {
    }

    /// <summary>An exception with a message.</summary>
    /// <param name="message">What happened and what to do.</param>
    public TransportException(string message)
        : base(message)
    {
    }

    /// <summary>An exception with a message and a cause.</summary>
    /// <param name="message">What happened and what to do.</param>
    /// <param name="innerException">The cause.</param>
    public TransportException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}
