namespace Transports;

/// <summary>
/// Opens and accepts further channels on the connection that a channel travels on:
/// <c>channel.GetFeature&lt;IMultiplexedConnectionFeature&gt;()</c>.
/// </summary>
/// <remarks>
/// Channels of one connection are independent: each has its own order, limits and end, and none waits for another. The
/// connection is closed by the side that connected when the last of its channels has ended; keep one open as long
/// as the connection is wanted.
/// </remarks>
public interface IMultiplexedConnectionFeature
{
    /// <summary>Channels open on this connection, both sides' together.</summary>
    int OpenChannelCount { get; }

    /// <summary>Opens a channel. The peer's listener accepts it; where this side is the listener, the peer's <see cref="AcceptChannelAsync"/> does.</summary>
    /// <param name="cancellationToken">Gives up waiting for the peer to allow one more; nothing is left open.</param>
    /// <returns>An open channel, the caller's to dispose.</returns>
    /// <exception cref="MessageChannelClosedException">The connection has ended.</exception>
    ValueTask<IMessageChannel> OpenChannelAsync(CancellationToken cancellationToken = default);

    /// <summary>Waits for a channel that the peer opens.</summary>
    /// <param name="cancellationToken">Gives up waiting; no channel is lost.</param>
    /// <returns>An open channel, the caller's to dispose, or <see langword="null"/> once the connection has ended.</returns>
    /// <exception cref="NotSupportedException">This side is the listener, whose <see cref="IMessageListener.AcceptAsync"/> gives the channels of all its connections.</exception>
    ValueTask<IMessageChannel?> AcceptChannelAsync(CancellationToken cancellationToken = default);
}
