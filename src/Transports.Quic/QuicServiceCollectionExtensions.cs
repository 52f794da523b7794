using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
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
        ArgumentNullException.ThrowIfNull(builder);
        builder.Services.AddOptions<QuicTransportOptions>();
        if (configure is not null)
        {
            builder.Services.Configure(configure);
        }

        // A factory, as the container cannot choose between the two constructors.
        builder.Services.TryAddEnumerable(ServiceDescriptor.Singleton<ITransport, QuicTransport>(static provider => new QuicTransport(
            provider.GetRequiredService<IOptions<QuicTransportOptions>>(),
            provider.GetService<ILoggerFactory>() ?? NullLoggerFactory.Instance)));
        return builder;
    }
}
