using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Transports;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers message servers and named clients in a host.</summary>
/// <remarks>
/// What is set in code comes first, what the configuration says in <c>Transports:Servers:NAME</c> or <c>Transports:Clients:NAME</c>
/// overrides it, and what is done with the returned <see cref="OptionsBuilder{TOptions}"/> comes last. All is validated before
/// the host starts anything; an error names the configuration key.
/// </remarks>
public static class HostingServiceCollectionExtensions
{
    /// <summary>Adds a server at an address.</summary>
    /// <param name="services">The services.</param>
    /// <param name="name">The server's name, once per container: the key of its configuration, its <see cref="HostedMessageServer"/> and its health check.</param>
    /// <param name="address">Where to listen, unless the configuration says otherwise, such as <c>tcp://localhost:5000</c>.</param>
    /// <param name="handler">Serves a channel.</param>
    /// <returns>The server's options, to change further.</returns>
    /// <exception cref="InvalidOperationException">A server of this name was added before.</exception>
    public static OptionsBuilder<HostedMessageServerOptions> AddMessageServer(this IServiceCollection services, string name, string address, MessageChannelHandler handler)
    {
        ArgumentNullException.ThrowIfNull(address);
        return services.AddMessageServer(name, options => options.Address = new Uri(address, UriKind.RelativeOrAbsolute), handler);
    }

    /// <summary>Adds a server configured in code, by configuration, or both.</summary>
    /// <param name="services">The services.</param>
    /// <param name="name">The server's name, once per container.</param>
    /// <param name="configure">Sets options before the configuration does; may be <see langword="null"/>.</param>
    /// <param name="handler">Serves a channel.</param>
    /// <returns>The server's options, to change further.</returns>
    /// <exception cref="InvalidOperationException">A server of this name was added before.</exception>
    public static OptionsBuilder<HostedMessageServerOptions> AddMessageServer(this IServiceCollection services, string name, Action<HostedMessageServerOptions>? configure, MessageChannelHandler handler)
    {
        ArgumentNullException.ThrowIfNull(handler);
        return AddServer(services, name, configure, _ => handler);
    }

    /// <summary>Adds a server at an address whose handler is a class.</summary>
    /// <typeparam name="THandler">The handler; made anew, in a scope of its own, for each channel, unless it is registered otherwise. It need not be registered.</typeparam>
    /// <param name="services">The services.</param>
    /// <param name="name">The server's name, once per container.</param>
    /// <param name="address">Where to listen, unless the configuration says otherwise.</param>
    /// <returns>The server's options, to change further.</returns>
    /// <exception cref="InvalidOperationException">A server of this name was added before.</exception>
    public static OptionsBuilder<HostedMessageServerOptions> AddMessageServer<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] THandler>(
        this IServiceCollection services,
        string name,
        string address)
        where THandler : class, IMessageChannelHandler
    {
        ArgumentNullException.ThrowIfNull(address);
        return services.AddMessageServer<THandler>(name, options => options.Address = new Uri(address, UriKind.RelativeOrAbsolute));
    }

    /// <summary>Adds a server whose handler is a class, configured in code, by configuration, or both.</summary>
    /// <typeparam name="THandler">The handler; made anew, in a scope of its own, for each channel, unless it is registered otherwise. It need not be registered.</typeparam>
    /// <param name="services">The services.</param>
    /// <param name="name">The server's name, once per container.</param>
    /// <param name="configure">Sets options before the configuration does.</param>
    /// <returns>The server's options, to change further.</returns>
    /// <exception cref="InvalidOperationException">A server of this name was added before.</exception>
    public static OptionsBuilder<HostedMessageServerOptions> AddMessageServer<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] THandler>(
        this IServiceCollection services,
        string name,
        Action<HostedMessageServerOptions>? configure = null)
        where THandler : class, IMessageChannelHandler
    {
        ArgumentNullException.ThrowIfNull(services);
        return AddServer(services, name, configure, ScopedHandler.Create<THandler>);
    }

    /// <summary>Adds a named client that connects an address.</summary>
    /// <param name="services">The services.</param>
    /// <param name="name">The client's name, once per container: the key of its configuration and of its <see cref="IMessageChannelClient"/>.</param>
    /// <param name="address">Where to connect, unless the configuration says otherwise.</param>
    /// <returns>The client's options, to change further.</returns>
    /// <exception cref="InvalidOperationException">A client of this name was added before.</exception>
    public static OptionsBuilder<MessageChannelClientOptions> AddMessageChannelClient(this IServiceCollection services, string name, string address)
    {
        ArgumentNullException.ThrowIfNull(address);
        return services.AddMessageChannelClient(name, options => options.Address = new Uri(address, UriKind.RelativeOrAbsolute));
    }

    /// <summary>Adds a named client configured in code, by configuration, or both.</summary>
    /// <param name="services">The services.</param>
    /// <param name="name">The client's name, once per container.</param>
    /// <param name="configure">Sets options before the configuration does.</param>
    /// <returns>The client's options, to change further.</returns>
    /// <exception cref="InvalidOperationException">A client of this name was added before.</exception>
    public static OptionsBuilder<MessageChannelClientOptions> AddMessageChannelClient(this IServiceCollection services, string name, Action<MessageChannelClientOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentException.ThrowIfNullOrEmpty(name);
        ThrowIfAdded<IMessageChannelClient>(services, name, "message channel client");
        services.AddTransports();
        services.AddKeyedSingleton<IMessageChannelClient>(name, (provider, _) => new MessageChannelClient(
            name,
            provider.GetRequiredService<IMessageChannelFactory>(),
            provider.GetRequiredService<IOptionsMonitor<MessageChannelClientOptions>>(),
            provider.GetService<TimeProvider>() ?? TimeProvider.System));
        services.AddSingleton<IValidateOptions<MessageChannelClientOptions>>(new MessageChannelClientOptionsValidator(name));
        var builder = services.AddOptions<MessageChannelClientOptions>(name).ValidateOnStart();
        if (configure is not null)
        {
            builder.Configure(configure);
        }

        services.AddSingleton<IConfigureOptions<MessageChannelClientOptions>>(provider => new ConfigureNamedOptions<MessageChannelClientOptions>(
            name,
            options => provider.GetService<IConfiguration>()?.GetSection(HostingKeys.Client(name)).Bind(options)));
        return builder;
    }

    private static OptionsBuilder<HostedMessageServerOptions> AddServer(
        IServiceCollection services,
        string name,
        Action<HostedMessageServerOptions>? configure,
        Func<IServiceProvider, MessageChannelHandler> handler)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentException.ThrowIfNullOrEmpty(name);
        ThrowIfAdded<HostedMessageServer>(services, name, "message server");
        services.AddTransports();
        services.AddKeyedSingleton(name, (provider, _) => new HostedMessageServer(name, handler(provider), provider));
        services.AddSingleton<IHostedService>(provider => provider.GetRequiredKeyedService<HostedMessageServer>(name));
        services.AddSingleton<IValidateOptions<HostedMessageServerOptions>>(new HostedMessageServerOptionsValidator(name));
        services.AddSingleton<IConfigureOptions<HostedMessageServerOptions>>(provider => new ConfigureNamedOptions<HostedMessageServerOptions>(
            name,
            options => options.Server.TimeProvider = provider.GetService<TimeProvider>() ?? TimeProvider.System));
        var builder = services.AddOptions<HostedMessageServerOptions>(name).ValidateOnStart();
        if (configure is not null)
        {
            builder.Configure(configure);
        }

        services.AddSingleton<IConfigureOptions<HostedMessageServerOptions>>(provider => new ConfigureNamedOptions<HostedMessageServerOptions>(
            name,
            options =>
            {
                if (provider.GetService<IConfiguration>() is { } configuration)
                {
                    options.Bind(configuration.GetSection(HostingKeys.Server(name)));
                }
            }));
        return builder;
    }

    private static void ThrowIfAdded<TService>(IServiceCollection services, string name, string what)
    {
        if (services.Any(descriptor => descriptor.IsKeyedService && descriptor.ServiceType == typeof(TService) && name.Equals(descriptor.ServiceKey)))
        {
            throw new InvalidOperationException($"A {what} named '{name}' was added before. Give each a name of its own.");
        }
    }
}
