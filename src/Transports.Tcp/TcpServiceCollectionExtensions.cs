using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Transports;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers <see cref="TcpTransport"/>.</summary>
public static class TcpServiceCollectionExtensions
{
    /// <summary>Adds <c>tcp</c>, <c>tls</c> and <c>unix</c> addresses. May be called many times; every <paramref name="configure"/> is applied, in order.</summary>
    /// <param name="builder">The builder.</param>
    /// <param name="configure">Changes the options.</param>
    /// <returns>The builder.</returns>
    public static ITransportsBuilder AddTcp(this ITransportsBuilder builder, Action<TcpTransportOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        var options = builder.Services.AddOptions<TcpTransportOptions>();
        if (configure is not null)
        {
            options.Configure(configure);
        }

        // A factory, because without logging registered the container would take the constructor that needs neither
        // logging nor options, and what was configured would be ignored in silence.
        builder.Services.TryAddEnumerable(ServiceDescriptor.Singleton<ITransport, TcpTransport>(static provider => new TcpTransport(
            provider.GetRequiredService<IOptions<TcpTransportOptions>>(),
            provider.GetService<ILoggerFactory>() ?? NullLoggerFactory.Instance)));
        return builder;
    }
}
