using Microsoft.Extensions.Logging;

namespace Transports.Tcp;

/// <summary>The log messages of TCP, TLS and Unix domain sockets; event ids 2000 to 2999.</summary>
internal static partial class Log
{
    [LoggerMessage(2000, LogLevel.Information, "Listening on {Address}.")]
    public static partial void Listening(ILogger logger, AddressText address);

    [LoggerMessage(2001, LogLevel.Debug, "Stopped listening on {Address}.")]
    public static partial void StoppedListening(ILogger logger, AddressText address);

    [LoggerMessage(2002, LogLevel.Debug, "A connection to {Address} was gone before it was accepted: {Reason}")]
    public static partial void GoneBeforeAccepted(ILogger logger, AddressText address, string reason);

    [LoggerMessage(2003, LogLevel.Information, "{Address} listens on IPv4 alone, because this machine has no IPv6 loopback address: {Reason}")]
    public static partial void NoIPv6Loopback(ILogger logger, AddressText address, string reason);

    [LoggerMessage(2010, LogLevel.Information, "A TLS handshake with {RemoteAddress} failed. {Reason}")]
    public static partial void HandshakeFailed(ILogger logger, AddressText remoteAddress, string reason);

    [LoggerMessage(2011, LogLevel.Debug, "{RemoteAddress} connected and left, or was dropped for others, without saying anything.")]
    public static partial void PeerSaidNothing(ILogger logger, AddressText remoteAddress);

    [LoggerMessage(2012, LogLevel.Error, "The TLS handshake with {RemoteAddress} failed, because TlsServerOptions.CertificateSelector gave no certificate.")]
    public static partial void NoServerCertificate(ILogger logger, Exception error, AddressText remoteAddress);

    [LoggerMessage(2013, LogLevel.Error, "The TLS handshake with {RemoteAddress} failed on this side.")]
    public static partial void HandshakeBroke(ILogger logger, Exception error, AddressText remoteAddress);
}
