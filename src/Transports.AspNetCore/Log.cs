using Microsoft.Extensions.Logging;

namespace Transports.AspNetCore;

/// <summary>The log messages of channels on ASP.NET Core; event ids 8001 to 8999. A handler's failure is the engine's 1104.</summary>
internal static partial class Log
{
    [LoggerMessage(8001, LogLevel.Warning, "Refused a WebSocket from a page of {Origin}: it may only come from {Host}, or an origin in WebSockets.AllowedOrigins.")]
    public static partial void OriginRefused(ILogger logger, string origin, string host);

    [LoggerMessage(8002, LogLevel.Information, "Refused a WebSocket handshake. {Reason}")]
    public static partial void HandshakeRefused(ILogger logger, string reason);

    [LoggerMessage(8003, LogLevel.Warning, "Refused a channel: {Limit} wait to be accepted already (AcceptBacklog).")]
    public static partial void BacklogFull(ILogger logger, int limit);

    [LoggerMessage(8004, LogLevel.Information, "Listening at {Address}.")]
    public static partial void Listening(ILogger logger, AddressText address);

    [LoggerMessage(8005, LogLevel.Information, "Refused a request on connection {ConnectionId} for an SSE session that is over or another user's.")]
    public static partial void SessionRefused(ILogger logger, string connectionId);

    [LoggerMessage(8006, LogLevel.Warning, "Refused an SSE session: there are {Limit} already (Sse.MaxSessions).")]
    public static partial void SessionsFull(ILogger logger, int limit);

    [LoggerMessage(8007, LogLevel.Information, "Refused a request on connection {ConnectionId} as no gRPC call. {Reason}")]
    public static partial void GrpcRequestRefused(ILogger logger, string connectionId, string reason);

    [LoggerMessage(8008, LogLevel.Information, "Refused a call of {Method} on connection {ConnectionId} with {Status}. {Reason}")]
    public static partial void GrpcCallRefused(ILogger logger, string method, string connectionId, GrpcStatusCode status, string? reason);

    [LoggerMessage(8020, LogLevel.Warning, "Refused an event stream to a page of '{Origin}': it may only come from {Host}, or an origin that the endpoint's CORS policy allows.")]
    public static partial void StreamOriginRefused(ILogger logger, string origin, string host);
}
