using Microsoft.Extensions.Logging;

namespace Transports.Udp;

internal static partial class Log
{
    [LoggerMessage(3000, LogLevel.Information, "Listening for datagrams at {Address}.")]
    public static partial void Listening(ILogger logger, AddressText address);

    [LoggerMessage(3001, LogLevel.Warning, "The listener at {Address} has its {MaxPeers} peers; a newcomer takes the place of one that was silent, or is dropped and counted. Raise MaxPeers if they are welcome.")]
    public static partial void PeersFull(ILogger logger, AddressText address, int maxPeers);

    [LoggerMessage(3002, LogLevel.Debug, "A read at {Address} failed; the listener goes on.")]
    public static partial void ReadFailed(ILogger logger, Exception error, AddressText address);

    [LoggerMessage(3003, LogLevel.Error, "The listener at {Address} failed and reads no more.")]
    public static partial void ListenerFailed(ILogger logger, Exception error, AddressText address);
}
