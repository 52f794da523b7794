namespace Transports;

/// <summary>This machine lacks what the transport needs, such as a native library.</summary>
public class TransportUnavailableException : TransportException
{
    /// <summary>An exception that names what is missing.</summary>
    /// <param name="missing">What is missing, such as <c>libmsquic 2.5 or later</c>.</param>
    /// <param name="howToGet">How to get it, a sentence.</param>
    /// <param name="innerException">The cause.</param>
    public TransportUnavailableException(string missing, string howToGet, Exception? innerException = null)
        : base($"This machine lacks {missing}. {howToGet}", innerException)
    {
        Missing = missing;
        HowToGet = howToGet;
    }

    /// <summary>What is missing.</summary>
    public string Missing { get; }

    /// <summary>How to get it, a sentence.</summary>
    public string HowToGet { get; }
}
