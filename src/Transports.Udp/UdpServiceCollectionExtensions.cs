using Transports;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers UDP.</summary>
public static class UdpServiceCollectionExtensions
{
    /// <summary>Adds <c>udp://</c> addresses, for clients and servers. May be called many times.</summary>
    /// <param name="builder">The builder.</param>
    /// <param name="configure">Sets limits and choices.</param>
    /// <returns>The builder.</returns>
    public static ITransportsBuilder AddUdp(this ITransportsBuilder builder, Action<UdpTransportOptions>? configure = null)
    {
        return builder.AddTransport<UdpTransport, UdpTransportOptions>(static (options, loggers) => new UdpTransport(options, loggers), configure);
    }
}
