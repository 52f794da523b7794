using Transports;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers QUIC.</summary>
public static class QuicServiceCollectionExtensions
{
    /// <summary>Adds <c>quic://</c> addresses, for clients and servers. May be called many times.</summary>
    /// <param name="builder">The builder.</param>
    /// <param name="configure">Sets limits, certificates and choices.</param>
    /// <returns>The builder.</returns>
    public static ITransportsBuilder AddQuic(this ITransportsBuilder builder, Action<QuicTransportOptions>? configure = null)
    {
        return builder.AddTransport<QuicTransport, QuicTransportOptions>(static (options, loggers) => new QuicTransport(options, loggers), configure);
    }
}
