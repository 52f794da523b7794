using CustomTransport;
using Transports;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers <see cref="PacketTransport"/>.</summary>
public static class PacketsServiceCollectionExtensions
{
    /// <summary>Adds <c>packet</c> addresses. May be called many times; every <paramref name="configure"/> is applied, in order.</summary>
    /// <param name="builder">The builder.</param>
    /// <param name="configure">Changes the options.</param>
    /// <returns>The builder.</returns>
    public static ITransportsBuilder AddPackets(this ITransportsBuilder builder, Action<PacketTransportOptions>? configure = null)
    {
        return builder.AddTransport<PacketTransport, PacketTransportOptions>(static (options, loggers) => new PacketTransport(options, loggers), configure);
    }
}
