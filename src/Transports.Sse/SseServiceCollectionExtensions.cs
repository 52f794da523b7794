using Transports;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers the client of server-sent events.</summary>
public static class SseServiceCollectionExtensions
{
    /// <summary>Adds <c>sse+http://</c> and <c>sse+https://</c> for dialling. To listen, add <c>AddAspNetCore()</c> of the package Transports.AspNetCore.</summary>
    /// <param name="builder">The builder.</param>
    /// <param name="configure">Changes the options.</param>
    /// <returns>The builder.</returns>
    public static ITransportsBuilder AddSse(this ITransportsBuilder builder, Action<SseTransportOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        if (configure is not null)
        {
            builder.Services.Configure(configure);
        }

        return builder.AddTransport<SseTransport>();
    }
}
