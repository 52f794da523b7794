namespace Transports;

/// <summary>A named peer to connect. Nothing is connected before <see cref="ConnectAsync"/> is called.</summary>
/// <remarks>Resolve it with its name as the key: <c>[FromKeyedServices("orders")] IMessageChannelClient orders</c>, or <c>GetRequiredKeyedService</c>.</remarks>
public interface IMessageChannelClient
{
    /// <summary>The name it was added with.</summary>
    string Name { get; }

    /// <summary>Where it connects.</summary>
    /// <exception cref="Microsoft.Extensions.Options.OptionsValidationException">The configuration is not valid; the message names the key.</exception>
    Uri Address { get; }

    /// <summary>Opens a channel of the caller's own.</summary>
    /// <param name="cancellationToken">Gives up; nothing is left open.</param>
    /// <returns>An open channel, the caller's to dispose.</returns>
    /// <exception cref="NotSupportedException">No registered transport opens this scheme.</exception>
    /// <exception cref="TransportException">The peer could not be reached within <see cref="MessageChannelClientOptions.ConnectTimeout"/>, or refused.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    ValueTask<IMessageChannel> ConnectAsync(CancellationToken cancellationToken = default);
}
