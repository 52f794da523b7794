using Microsoft.Extensions.Logging;

namespace Transports.Grpc;

/// <summary>
/// The log messages of gRPC clients; event ids 7000 to 7999. Never metadata, which may hold secrets. How a channel ends is logged by the engine.
/// </summary>
internal static partial class Log
{
    [LoggerMessage(7000, LogLevel.Debug, "The server refused the stream of a call of {Method} unseen, so it is sent again.")]
    public static partial void SentAgain(ILogger logger, string method);

    [LoggerMessage(7001, LogLevel.Warning, "The answer to a call of {Method} is not gRPC. {Reason}")]
    public static partial void NotGrpc(ILogger logger, string method, string? reason);
}
