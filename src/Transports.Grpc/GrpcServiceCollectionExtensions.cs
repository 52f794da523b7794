using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Transports;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers the gRPC client transport.</summary>
public static class GrpcServiceCollectionExtensions
{
    /// <summary>Adds <c>grpc+http</c> and <c>grpc+https</c> to what <see cref="IMessageChannelFactory"/> opens. May be called many times.</summary>
    /// <param name="builder">The builder.</param>
    /// <param name="configure">Sets options.</param>
    /// <returns>The builder.</returns>
    public static ITransportsBuilder AddGrpc(this ITransportsBuilder builder, Action<GrpcTransportOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Services.AddOptions();
        if (configure is not null)
        {
            builder.Services.Configure(configure);
        }

        // A factory rather than the type: the container would not know which of the two constructors is meant.
        builder.Services.TryAddEnumerable(ServiceDescriptor.Singleton<ITransport, GrpcTransport>(static provider => new GrpcTransport(
            provider.GetRequiredService<IOptions<GrpcTransportOptions>>().Value,
            provider.GetService<ILoggerFactory>())));
        return builder;
    }
}
