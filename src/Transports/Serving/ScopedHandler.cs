using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.DependencyInjection;

namespace Transports.Extensibility;

/// <summary>Handlers that are classes: one instance a channel, from a scope of services of the channel's own.</summary>
public static class ScopedHandler
{
    /// <summary>A handler that makes a <typeparamref name="THandler"/> for each channel.</summary>
    /// <typeparam name="THandler">The handler. Taken from the scope where it is registered, and made with the scope's services, and disposed with it, where it is not.</typeparam>
    /// <param name="services">The application's services. The scope is the channel's, not a request's: a channel may outlive the request that opened it.</param>
    public static MessageChannelHandler Create<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] THandler>(IServiceProvider services)
        where THandler : class, IMessageChannelHandler
    {
        ArgumentNullException.ThrowIfNull(services);
        var scopes = services.GetRequiredService<IServiceScopeFactory>();
        return async (channel, stoppingToken) =>
        {
            var scope = scopes.CreateAsyncScope();
            await using (scope.ConfigureAwait(false))
            {
                if (scope.ServiceProvider.GetService<THandler>() is { } registered)
                {
                    await registered.HandleAsync(channel, stoppingToken).ConfigureAwait(false);
                    return;
                }

                var made = ActivatorUtilities.CreateInstance<THandler>(scope.ServiceProvider);
                try
                {
                    await made.HandleAsync(channel, stoppingToken).ConfigureAwait(false);
                }
                finally
                {
                    await DisposeAsync(made).ConfigureAwait(false);
                }
            }
        };
    }

    private static async ValueTask DisposeAsync(object handler)
    {
        if (handler is IAsyncDisposable asynchronous)
        {
            await asynchronous.DisposeAsync().ConfigureAwait(false);
        }
        else
        {
            (handler as IDisposable)?.Dispose();
        }
    }
}
