using Microsoft.Extensions.Logging;

namespace Transports.Quic;

/// <summary>The log messages of QUIC; event ids 4000 to 4999.</summary>
internal static partial class Log
{
    [LoggerMessage(4000, LogLevel.Information, "Listening for QUIC connections at {Address}.")]
    public static partial void Listening(ILogger logger, AddressText address);

    [LoggerMessage(4001, LogLevel.Debug, "A QUIC handshake at {Address} failed. {Reason}")]
    public static partial void HandshakeFailed(ILogger logger, AddressText address, string reason);

    [LoggerMessage(4002, LogLevel.Warning, "The listener at {Address} has its {MaxConnections} connections and closed a new one. Raise MaxConnections if it is welcome.")]
    public static partial void ConnectionsFull(ILogger logger, AddressText address, int maxConnections);

    [LoggerMessage(4003, LogLevel.Debug, "A stream of {RemoteAddress} does not begin like a channel of transports/1 and was refused.")]
    public static partial void WrongPreface(ILogger logger, AddressText remoteAddress);

    [LoggerMessage(4004, LogLevel.Error, "The listener at {Address} failed and accepts no more.")]
    public static partial void ListenerFailed(ILogger logger, Exception error, AddressText address);

    [LoggerMessage(4005, LogLevel.Debug, "A connection of {RemoteAddress} carried no channel for {IdleTimeout} and was closed.")]
    public static partial void ConnectionUnused(ILogger logger, AddressText remoteAddress, TimeSpan idleTimeout);
}
