using CustomTransport;
using Transports;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers <see cref="LoopTransport"/>.</summary>
// snippet: registration
public static class LoopServiceCollectionExtensions
{
    /// <summary>Adds <c>loop</c> addresses. May be called many times; every <paramref name="configure"/> is applied, in order.</summary>
    /// <param name="builder">The builder.</param>
    /// <param name="configure">Changes the options.</param>
    /// <returns>The builder.</returns>
    public static ITransportsBuilder AddLoop(this ITransportsBuilder builder, Action<LoopTransportOptions>? configure = null)
    {
        return builder.AddTransport<LoopTransport, LoopTransportOptions>(static (options, loggers) => new LoopTransport(options, loggers), configure);
    }
}
// end snippet
