namespace Transports.AspNetCore;

/// <summary>What the protocols of a route, or of a listener, are told.</summary>
internal sealed record ProtocolOptions
{
    /// <summary>The limits of every channel.</summary>
    public required MessageChannelOptions Channels { get; init; }

    public required WebSocketServerOptions WebSockets { get; init; }

    public required SseServerOptions Sse { get; init; }

    public required GrpcServerOptions Grpc { get; init; }

    /// <summary>How long handlers may go on when the application stops. A listener has no handlers.</summary>
    public TimeSpan ShutdownTimeout { get; init; } = Timeout.InfiniteTimeSpan;

    /// <summary>Refuses requests before a channel is opened for them; none when null.</summary>
    public ConnectionGuard? Guard { get; init; }
}
