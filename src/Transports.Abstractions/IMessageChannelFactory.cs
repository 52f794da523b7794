namespace Transports;

/// <summary>Opens channels and listeners over the registered transports, chosen by the address's scheme.</summary>
public interface IMessageChannelFactory
{
    /// <summary>Opens a channel; see <see cref="IClientTransport.ConnectAsync"/>.</summary>
    /// <param name="address">Where to, such as <c>tcp://localhost:5000</c>.</param>
    /// <param name="cancellationToken">Gives up; nothing is left open.</param>
    /// <returns>An open channel, the caller's to dispose.</returns>
    /// <exception cref="NotSupportedException">No registered transport opens this scheme. The message names those that are registered and the call that adds the missing one.</exception>
    /// <exception cref="TransportException">The peer could not be reached, or refused.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    ValueTask<IMessageChannel> ConnectAsync(Uri address, CancellationToken cancellationToken = default);

    /// <summary>Starts listening; see <see cref="IServerTransport.ListenAsync"/>.</summary>
    /// <param name="address">Where, such as <c>tcp://localhost:0</c>.</param>
    /// <param name="cancellationToken">Gives up; nothing is left open.</param>
    /// <returns>A listener, the caller's to dispose.</returns>
    /// <exception cref="NotSupportedException">No registered transport listens at this scheme. The message names those that are registered and the call that adds the missing one.</exception>
    /// <exception cref="TransportException">The address could not be bound.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    ValueTask<IMessageListener> ListenAsync(Uri address, CancellationToken cancellationToken = default);
}
