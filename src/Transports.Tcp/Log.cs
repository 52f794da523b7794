using Microsoft.Extensions.Logging;

namespace Transports;

/// <summary>The log messages of TCP, TLS and Unix domain sockets; event ids 2000 to 2999.</summary>
internal static partial class Log
{
    [LoggerMessage(2000, LogLevel.Information, "Listening on {Address}.")]
    public static partial void Listening(ILogger logger, Uri address);

    [LoggerMessage(2001, LogLevel.Debug, "Stopped listening on {Address}.")]
    public static partial void StoppedListening(ILogger logger, Uri address);

    [LoggerMessage(2002, LogLevel.Debug, "A connection to {Address} was gone before it was accepted: {Reason}")]
    public static partial void GoneBeforeAccepted(ILogger logger, Uri address, string reason);

    [LoggerMessage(2003, LogLevel.Information, "{Address} listens on IPv4 alone, because this machine has no IPv6 loopback address: {Reason}")]
    public static partial void NoIPv6Loopback(ILogger logger, Uri address, string reason);
}
