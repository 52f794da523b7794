namespace Transports;

/// <summary>This machine lacks what the transport needs, such as a native library.</summary>
public class TransportUnavailableException : TransportException
{
    /// <summary>An exception that names what is missing.</summary>
    /// <param name="missingDependency">What is missing, such as <c>libmsquic 2.5 or later</c>.</param>
    /// <param name="installationHint">How to get it, a sentence.</param>
    /// <param name="innerException">The cause.</param>
    public TransportUnavailableException(string missingDependency, string installationHint, Exception? innerException = null)
        : base($"This machine lacks {missingDependency}. {installationHint}", innerException)
    {
        MissingDependency = missingDependency;
        InstallationHint = installationHint;
    }

    /// <summary>What is missing.</summary>
    public string MissingDependency { get; }

    /// <summary>How to get it, a sentence.</summary>
    public string InstallationHint { get; }
}
