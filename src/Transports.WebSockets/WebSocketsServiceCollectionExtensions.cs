using Transports;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers the WebSocket client.</summary>
public static class WebSocketsServiceCollectionExtensions
{
    /// <summary>Adds <c>ws://</c> and <c>wss://</c> to connect to. To listen, add <c>AddKestrel()</c> of the package Transports.AspNetCore.</summary>
    /// <param name="builder">The builder.</param>
    /// <param name="configure">Changes the options.</param>
    /// <returns>The builder.</returns>
    public static ITransportsBuilder AddWebSockets(this ITransportsBuilder builder, Action<WebSocketTransportOptions>? configure = null)
    {
        return builder.AddTransport<WebSocketTransport, WebSocketTransportOptions>(static (options, loggers) => new WebSocketTransport(options, loggers), configure);
    }
}
