using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Transports;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers the WebSocket client.</summary>
public static class WebSocketsServiceCollectionExtensions
{
    /// <summary>Adds <c>ws://</c> and <c>wss://</c> for dialling. To listen, add <c>AddAspNetCore()</c> of the package Transports.AspNetCore.</summary>
    /// <param name="builder">The builder.</param>
    /// <param name="configure">Changes the options.</param>
    /// <returns>The builder.</returns>
    public static ITransportsBuilder AddWebSockets(this ITransportsBuilder builder, Action<WebSocketTransportOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        var options = builder.Services.AddOptions<WebSocketTransportOptions>();
        if (configure is not null)
        {
            options.Configure(configure);
        }

        // A factory, because without logging registered the container would take the constructor that needs neither
        // logging nor options, and what was configured would be ignored in silence.
        builder.Services.TryAddEnumerable(ServiceDescriptor.Singleton<ITransport, WebSocketTransport>(static provider => new WebSocketTransport(
            provider.GetRequiredService<IOptions<WebSocketTransportOptions>>(),
            provider.GetService<ILoggerFactory>() ?? NullLoggerFactory.Instance)));
        return builder;
    }
}
