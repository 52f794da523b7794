using Transports;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers the server of the HTTP transports.</summary>
public static class KestrelServiceCollectionExtensions
{
    /// <summary>
    /// Adds listening at <c>ws://</c>, <c>wss://</c>, <c>sse+http://</c>, <c>sse+https://</c>, <c>grpc+http://</c> and <c>grpc+https://</c>, with a server of its own. Routes of an
    /// application, mapped with <c>MapMessageChannel</c>, do not need it. May be called many times.
    /// </summary>
    /// <param name="builder">The builder.</param>
    /// <param name="configure">Changes the options.</param>
    /// <returns>The builder.</returns>
    public static ITransportsBuilder AddKestrel(this ITransportsBuilder builder, Action<KestrelTransportOptions>? configure = null)
    {
        return builder.AddTransport<KestrelTransport, KestrelTransportOptions>(static (options, loggers) => new KestrelTransport(options, loggers), configure);
    }
}
