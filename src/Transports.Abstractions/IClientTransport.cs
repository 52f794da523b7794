namespace Transports;

/// <summary>A transport that opens channels to a listening peer.</summary>
public interface IClientTransport : ITransport
{
    /// <summary>Opens a channel.</summary>
    /// <param name="address">Where to; its scheme is one of <see cref="ITransport.Schemes"/>.</param>
    /// <param name="cancellationToken">Gives up; nothing is left open.</param>
    /// <returns>An open channel, its handshakes done. It is the caller's to dispose.</returns>
    /// <exception cref="ArgumentException">The address lacks what this transport needs, or has what it cannot use.</exception>
    /// <exception cref="TransportException">The peer could not be reached, or refused.</exception>
    /// <exception cref="TransportUnavailableException">This machine lacks what the transport needs.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    ValueTask<IMessageChannel> ConnectAsync(Uri address, CancellationToken cancellationToken = default);
}
