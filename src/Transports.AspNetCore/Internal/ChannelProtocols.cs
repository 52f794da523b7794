namespace Transports.AspNetCore;

/// <summary>The protocols an endpoint speaks, in the order they are asked.</summary>
internal static class ChannelProtocols
{
    /// <summary>All of them, for a route.</summary>
    public static IReadOnlyList<IChannelProtocol> All(ChannelRunner runner)
        => [new WebSocketChannelProtocol(runner), new SseChannelProtocol(runner), new GrpcChannelProtocol(runner)];

    /// <summary>The one of a listener's scheme.</summary>
    public static IChannelProtocol ForScheme(string scheme, ChannelRunner runner) => scheme switch
    {
        "ws" or "wss" => new WebSocketChannelProtocol(runner),
        "sse+http" or "sse+https" => new SseChannelProtocol(runner),
        _ => throw new ArgumentException($"Kestrel does not listen at '{scheme}' addresses.", nameof(scheme)),
    };
}
