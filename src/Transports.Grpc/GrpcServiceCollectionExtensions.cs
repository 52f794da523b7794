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
        return builder.AddTransport<GrpcTransport, GrpcTransportOptions>(static (options, loggers) => new GrpcTransport(options, loggers), configure);
    }
}
