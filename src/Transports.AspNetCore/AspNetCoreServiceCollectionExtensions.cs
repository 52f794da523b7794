using Transports;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers the servers of the HTTP transports.</summary>
public static class AspNetCoreServiceCollectionExtensions
{
    /// <summary>Adds listening at <c>ws://</c>, <c>wss://</c>, <c>sse+http://</c> and <c>sse+https://</c>, and sets the defaults of <c>MapMessageChannel</c>.</summary>
    /// <param name="builder">The builder.</param>
    /// <param name="configure">Changes the options.</param>
    /// <returns>The builder.</returns>
    public static ITransportsBuilder AddAspNetCore(this ITransportsBuilder builder, Action<AspNetCoreTransportOptions>? configure = null)
    {
        return builder.AddTransport<AspNetCoreTransport, AspNetCoreTransportOptions>(static (options, loggers) => new AspNetCoreTransport(options, loggers), configure);
    }
}
