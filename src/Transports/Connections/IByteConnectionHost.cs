namespace Transports.Extensibility;

/// <summary>What a connection tells its channel beside the bytes. May be called from any thread, any number of times; never throws, and runs no user's code.</summary>
public interface IByteConnectionHost
{
    /// <summary>The connection is broken: sends fail from now on. What has arrived can still be received, and reading must end soon.</summary>
    /// <param name="error">Why; what <see cref="ByteConnection.DescribeFailure"/> is asked about.</param>
    void OnBroken(Exception error);
}
