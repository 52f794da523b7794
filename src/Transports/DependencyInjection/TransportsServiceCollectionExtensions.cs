using Microsoft.Extensions.DependencyInjection.Extensions;
using Transports;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers transports in a service collection.</summary>
public static class TransportsServiceCollectionExtensions
{
    /// <summary>
    /// Registers <see cref="IMessageChannelFactory"/> and the in-memory transport. Add more with the builder:
    /// <c>AddTcp()</c>, <c>AddWebSockets()</c> and so on, each from its own package. May be called many times.
    /// </summary>
    /// <param name="services">The services.</param>
    /// <returns>The builder.</returns>
    public static ITransportsBuilder AddTransports(this IServiceCollection services)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.TryAddSingleton<IMessageChannelFactory>(static provider => new MessageChannelFactory(
            provider.GetServices<ITransport>(),
            provider.GetServices<ChannelDecoration>().Select(decoration => decoration.Bind(provider))));
        return new TransportsBuilder(services).AddMemory();
    }

    /// <summary>Registers a transport of one's own, once per type.</summary>
    /// <typeparam name="TTransport">The transport.</typeparam>
    /// <param name="builder">The builder.</param>
    /// <returns>The builder.</returns>
    public static ITransportsBuilder AddTransport<[System.Diagnostics.CodeAnalysis.DynamicallyAccessedMembers(System.Diagnostics.CodeAnalysis.DynamicallyAccessedMemberTypes.PublicConstructors)] TTransport>(this ITransportsBuilder builder)
        where TTransport : class, ITransport
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Services.TryAddEnumerable(ServiceDescriptor.Singleton<ITransport, TTransport>());
        return builder;
    }

    /// <summary>
    /// Wraps every channel that the factory opens or accepts, such as <c>Use((channel, _) => channel.WithMetrics())</c>.
    /// The first added is the innermost.
    /// </summary>
    /// <param name="builder">The builder.</param>
    /// <param name="decorate">Gives back the channel to use; it owns the one it was given.</param>
    /// <returns>The builder.</returns>
    public static ITransportsBuilder Use(this ITransportsBuilder builder, Func<IMessageChannel, IServiceProvider, IMessageChannel> decorate)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(decorate);
        builder.Services.AddSingleton(new ChannelDecoration(decorate));
        return builder;
    }

    private sealed class ChannelDecoration(Func<IMessageChannel, IServiceProvider, IMessageChannel> decorate)
    {
        public Func<IMessageChannel, IMessageChannel> Bind(IServiceProvider provider) => channel => decorate(channel, provider);
    }

    private sealed class TransportsBuilder(IServiceCollection services) : ITransportsBuilder
    {
        public IServiceCollection Services => services;
    }
}
