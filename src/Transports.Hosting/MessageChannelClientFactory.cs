using Microsoft.Extensions.DependencyInjection;

namespace Transports;

/// <summary>Finds clients among the keyed services.</summary>
internal sealed class MessageChannelClientFactory(IServiceProvider services, IEnumerable<MessageChannelClientFactory.Registration> registrations)
    : IMessageChannelClientFactory
{
    public IMessageChannelClient GetClient(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (services.GetKeyedService<IMessageChannelClient>(name) is { } client)
        {
            return client;
        }

        var names = string.Join(", ", registrations.Select(registration => registration.Name).Order(StringComparer.Ordinal));
        throw new InvalidOperationException(
            $"There is no message channel client named '{name}'. {(names.Length == 0 ? "None was added." : $"Added are: {names}.")} Add it with services.AddMessageChannelClient(\"{name}\", …).");
    }

    internal sealed record Registration(string Name);
}
