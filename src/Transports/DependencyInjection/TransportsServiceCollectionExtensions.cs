using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
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
            provider.GetServices<ChannelDecorator>().Select(decorator => decorator.Bind(provider))));
        return new TransportsBuilder(services).AddMemory();
    }

    /// <summary>Registers a transport of one's own, once per type.</summary>
    /// <typeparam name="TTransport">The transport.</typeparam>
    /// <param name="builder">The builder.</param>
    /// <returns>The builder.</returns>
    public static ITransportsBuilder AddTransport<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] TTransport>(this ITransportsBuilder builder)
        where TTransport : class, ITransport
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Services.TryAddEnumerable(ServiceDescriptor.Singleton<ITransport, TTransport>());
        return builder;
    }

    /// <summary>
    /// Registers a transport that has options and logs: what <c>AddTcp()</c> and its like are made of. Once per type; every
    /// <paramref name="configure"/> is applied, in order.
    /// </summary>
    /// <typeparam name="TTransport">The transport.</typeparam>
    /// <typeparam name="TOptions">Its options.</typeparam>
    /// <param name="builder">The builder.</param>
    /// <param name="create">Makes the transport. The loggers go nowhere where the application registered no logging.</param>
    /// <param name="configure">Changes the options.</param>
    /// <returns>The builder.</returns>
    public static ITransportsBuilder AddTransport<TTransport, [DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicParameterlessConstructor)] TOptions>(
        this ITransportsBuilder builder,
        Func<TOptions, ILoggerFactory, TTransport> create,
        Action<TOptions>? configure = null)
        where TTransport : class, ITransport
        where TOptions : class
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(create);
        var options = builder.Services.AddOptions<TOptions>();
        if (configure is not null)
        {
            options.Configure(configure);
        }

        // A factory, because the container would choose among constructors by what else happens to be registered, and without
        // logging would take one that needs no options either.
        builder.Services.TryAddEnumerable(ServiceDescriptor.Singleton<ITransport, TTransport>(provider => create(
            provider.GetRequiredService<IOptions<TOptions>>().Value,
            provider.GetService<ILoggerFactory>() ?? NullLoggerFactory.Instance)));
        return builder;
    }

    /// <summary>
    /// Wraps every channel that the factory opens or accepts, such as <c>DecorateChannels((channel, _) => channel.WithMetrics())</c>.
    /// The first added is the outermost, as with middleware: what it sends passes those added later.
    /// </summary>
    /// <param name="builder">The builder.</param>
    /// <param name="decorate">Gives back the channel to use; it owns the one it was given.</param>
    /// <returns>The builder.</returns>
    public static ITransportsBuilder DecorateChannels(this ITransportsBuilder builder, Func<IMessageChannel, IServiceProvider, IMessageChannel> decorate)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(decorate);
        builder.Services.AddSingleton(new ChannelDecorator(decorate));
        return builder;
    }

    private sealed class ChannelDecorator(Func<IMessageChannel, IServiceProvider, IMessageChannel> decorate)
    {
        public Func<IMessageChannel, IMessageChannel> Bind(IServiceProvider provider) => channel => decorate(channel, provider);
    }

    private sealed class TransportsBuilder(IServiceCollection services) : ITransportsBuilder
    {
        public IServiceCollection Services => services;
    }
}
