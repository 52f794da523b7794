using Transports;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers the listener for gRPC addresses.</summary>
public static class GrpcServerServiceCollectionExtensions
{
    /// <summary>Adds listening at <c>grpc+http</c> and <c>grpc+https</c> addresses, with a server of its own. May be called many times.</summary>
    /// <param name="builder">The builder.</param>
    /// <param name="configure">Changes the options.</param>
    /// <returns>The builder.</returns>
    public static ITransportsBuilder AddGrpcServer(this ITransportsBuilder builder, Action<GrpcServerTransportOptions>? configure = null)
    {
        return builder.AddTransport<GrpcServerTransport, GrpcServerTransportOptions>(static (options, loggers) => new GrpcServerTransport(options, loggers), configure);
    }
}
