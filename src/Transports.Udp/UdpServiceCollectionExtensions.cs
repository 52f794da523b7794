using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
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
        ArgumentNullException.ThrowIfNull(builder);
        builder.Services.AddOptions<UdpTransportOptions>();
        if (configure is not null)
        {
            builder.Services.Configure(configure);
        }

        // A factory, as the container cannot choose between the two constructors.
        builder.Services.TryAddEnumerable(ServiceDescriptor.Singleton<ITransport, UdpTransport>(static provider => new UdpTransport(
            provider.GetRequiredService<IOptions<UdpTransportOptions>>(),
            provider.GetService<ILoggerFactory>() ?? NullLoggerFactory.Instance)));
        return builder;
    }
}
