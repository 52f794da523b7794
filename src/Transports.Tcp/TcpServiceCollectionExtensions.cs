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
        return builder.AddTransport<TcpTransport, TcpTransportOptions>(static (options, loggers) => new TcpTransport(options, loggers), configure);
    }
}
