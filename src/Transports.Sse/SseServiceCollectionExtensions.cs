using Transports;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers the client of server-sent events.</summary>
public static class SseServiceCollectionExtensions
{
    /// <summary>Adds <c>sse+http://</c> and <c>sse+https://</c> to connect to. To listen, add <c>AddKestrel()</c> of the package Transports.AspNetCore.</summary>
    /// <param name="builder">The builder.</param>
    /// <param name="configure">Changes the options.</param>
    /// <returns>The builder.</returns>
    public static ITransportsBuilder AddSse(this ITransportsBuilder builder, Action<SseTransportOptions>? configure = null)
    {
        return builder.AddTransport<SseTransport, SseTransportOptions>(static (options, loggers) => new SseTransport(options, loggers), configure);
    }
}
