namespace Transports;

/// <summary>Accepts channels at one address.</summary>
/// <remarks>
/// Channels that wait to be accepted when the listener stops end as <see cref="ChannelCloseStatus.GoingAway"/>, which their peers learn where the protocol
/// carries it. Over TCP, TLS and Unix sockets, which carry no status, they are aborted: after an orderly end their peers would believe that
/// what they sent had been received. Disposing stops accepting; accepted channels are their owners'.
/// The port is free when it returns, but for server-sent events, whose sessions need it for the requests of their clients until the last one has ended. Where all channels have
/// ended before, disposing waits, up to the close timeout, until what they sent has been handed to the operating system.
/// </remarks>
public interface IMessageListener : IAsyncDisposable
{
    /// <summary>The address bound, with the real port where port 0 was asked for.</summary>
    Uri LocalAddress { get; }

    /// <summary>Waits for the next channel. Handshakes of several peers go on side by side, so a slow one delays no other.</summary>
    /// <param name="cancellationToken">Gives up waiting; no channel is lost.</param>
    /// <returns>An open channel, the caller's to dispose, or <see langword="null"/> once the listener has stopped.</returns>
    /// <exception cref="TransportException">Accepting failed, for instance for want of file descriptors. The listener goes on: call again after a pause.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    ValueTask<IMessageChannel?> AcceptAsync(CancellationToken cancellationToken = default);

    /// <summary>Stops accepting: new peers are refused and <see cref="AcceptAsync"/> returns <see langword="null"/>. Accepted channels go on.</summary>
    /// <param name="cancellationToken">Gives up waiting; the listener stops all the same.</param>
    ValueTask StopAcceptingAsync(CancellationToken cancellationToken = default);
}
