namespace Transports;

/// <summary>A transport that listens for channels.</summary>
public interface IServerTransport : ITransport
{
    /// <summary>Starts listening.</summary>
    /// <param name="address">Where; its scheme is one of <see cref="ITransport.Schemes"/>. Port 0 asks for a free port.</param>
    /// <param name="cancellationToken">Gives up; nothing is left open.</param>
    /// <returns>A listener that accepts already. It is the caller's to dispose.</returns>
    /// <exception cref="ArgumentException">The address lacks what this transport needs, or has what it cannot use.</exception>
    /// <exception cref="TransportException">The address could not be bound.</exception>
    /// <exception cref="TransportUnavailableException">This machine lacks what the transport needs.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    ValueTask<IMessageListener> ListenAsync(Uri address, CancellationToken cancellationToken = default);
}
