using Transports;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers the in-memory transport.</summary>
public static class MemoryServiceCollectionExtensions
{
    /// <summary>
    /// Registers <c>mem</c> addresses. <c>AddTransports()</c> does so already; call this to change the options. One
    /// instance serves the whole container, so all its parts share the names.
    /// </summary>
    /// <param name="builder">The builder.</param>
    /// <param name="configure">Changes the options.</param>
    /// <returns>The builder.</returns>
    public static ITransportsBuilder AddMemory(this ITransportsBuilder builder, Action<MemoryTransportOptions>? configure = null)
    {
        return builder.AddTransport<MemoryTransport, MemoryTransportOptions>(static (options, loggers) => new MemoryTransport(options, loggers), configure);
    }
}
