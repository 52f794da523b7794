namespace Transports;

/// <summary>How a route's channels are served: by <c>MapMessageChannel</c> and <c>MapGrpcMessageChannel</c>.</summary>
/// <remarks>What all routes have in common is set with <c>services.Configure&lt;MessageChannelEndpointOptions&gt;(…)</c>. A route that is given options of its own has only those.</remarks>
public sealed class MessageChannelEndpointOptions : MessageChannelOptions
{
    /// <summary>How WebSockets are served.</summary>
    public WebSocketServerOptions WebSockets { get; } = new();

    /// <summary>How server-sent events are served.</summary>
    public SseServerOptions Sse { get; } = new();

    /// <summary>How gRPC and gRPC-Web calls are served.</summary>
    public GrpcServerOptions Grpc { get; } = new();

    /// <summary>
    /// How HTTP/2 connections are kept alive. It is Kestrel's, for all connections of the server, set by the first route that is mapped with an interval;
    /// what the application has set there itself before stays as it is.
    /// </summary>
    public Http2ServerOptions Http2 { get; } = new();

    /// <summary>
    /// Who may open channels and how long silent clients may keep them; one guard may serve several routes and listeners. Default none. A client that asks for too much gets HTTP status
    /// 429, or 503 when the server is full, both with Retry-After, before anything is opened. Clients are told apart by the connection's address, which the forwarded headers middleware
    /// corrects behind a proxy, and by the authenticated user.
    /// </summary>
    public ConnectionGuard? Guard { get; set; }

    /// <summary>How long handlers may go on once the application stops, before their channels are closed with <see cref="ChannelCloseStatus.GoingAway"/>. Default 5 seconds; must be positive.</summary>
    public TimeSpan ShutdownTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        WebSockets.Validate();
        Sse.Validate();
        Grpc.Validate();
        Http2.Validate();
        OptionGuard.ThrowIfNotPositive(ShutdownTimeout, nameof(ShutdownTimeout));
    }

    internal ProtocolOptions ToProtocolOptions() => new() { Channels = this, WebSockets = WebSockets, Sse = Sse, Grpc = Grpc, Guard = Guard, ShutdownTimeout = ShutdownTimeout };
}
