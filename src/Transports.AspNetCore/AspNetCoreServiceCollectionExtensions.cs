using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
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
        ArgumentNullException.ThrowIfNull(builder);
        var options = builder.Services.AddOptions<AspNetCoreTransportOptions>();
        if (configure is not null)
        {
            options.Configure(configure);
        }

        // A factory, because without logging registered the container would take the constructor that needs neither
        // logging nor options, and what was configured would be ignored in silence.
        builder.Services.TryAddEnumerable(ServiceDescriptor.Singleton<ITransport, AspNetCoreTransport>(static provider => new AspNetCoreTransport(
            provider.GetRequiredService<IOptions<AspNetCoreTransportOptions>>(),
            provider.GetService<ILoggerFactory>() ?? NullLoggerFactory.Instance)));
        return builder;
    }
}
