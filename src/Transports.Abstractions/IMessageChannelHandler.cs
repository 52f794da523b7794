namespace Transports;

/// <summary>Serves accepted channels; the class form of <see cref="MessageChannelHandler"/>, resolved from DI.</summary>
public interface IMessageChannelHandler
{
    /// <summary>Serves one accepted channel.</summary>
    /// <param name="channel">The channel. The server disposes it when the returned task ends.</param>
    /// <param name="stoppingToken">Cancelled when the server begins to stop: finish soon.</param>
    /// <returns>Completes when the channel has been served. An exception closes the channel with <see cref="ChannelCloseStatus.InternalError"/>.</returns>
    Task HandleAsync(IMessageChannel channel, CancellationToken stoppingToken);
}
