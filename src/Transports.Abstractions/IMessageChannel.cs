namespace Transports;

/// <summary>
/// A connection that carries whole messages in both directions, over whichever transport opened it.
/// </summary>
/// <remarks>
/// <para><b>Who may call what at once.</b> Any number of callers may send at the same time; messages go out first in,
/// first out, and are never interleaved. One caller may receive at a time; a second gets
/// <see cref="InvalidOperationException"/>. Sending and receiving are independent of each other.
/// <see cref="CloseAsync"/>, <see cref="Abort"/> and <see cref="IAsyncDisposable.DisposeAsync"/> may be called from any
/// thread, any number of times.</para>
/// <para><b>Cancellation.</b> A cancelled send was not sent and leaves the channel intact. A cancelled receive loses
/// nothing: the next one goes on where it stood. A token never breaks the connection.</para>
/// <para><b>How it can end.</b> The peer finishes (<see cref="ReceiveAsync"/> returns <see langword="null"/>); this side
/// closes, aborts or disposes; the connection is lost; the peer breaks the protocol or a limit. <see cref="Closed"/>
/// tells which, once.</para>
/// </remarks>
public interface IMessageChannel : IAsyncDisposable
{
    /// <summary>A name for this channel that is unique in the process and the same in logs, traces and metrics.</summary>
    string Id { get; }

    /// <summary>The address of this end, or <see langword="null"/> where the transport has none.</summary>
    Uri? LocalAddress { get; }

    /// <summary>The address of the other end, or <see langword="null"/> where the transport has none. Never carries user information.</summary>
    Uri? RemoteAddress { get; }

    /// <summary>What this channel guarantees now; for the transport's general promise see <see cref="ITransport.GetCharacteristics"/>.</summary>
    ChannelCharacteristics Characteristics { get; }

    /// <summary>
    /// Completes once, when the channel has ended in both directions, with the reason; sends throw from then on, and messages that had arrived
    /// may be left to receive. It has completed when a receive tells the end. Never faults and is never cancelled.
    /// </summary>
    Task<ChannelCloseInfo> Closed { get; }

    /// <summary>Sends one message.</summary>
    /// <param name="message">The message; zero bytes is a message. Its memory is the caller's again once the call has completed.</param>
    /// <param name="cancellationToken">Gives up waiting for room. A cancelled message was not sent.</param>
    /// <returns>
    /// Completes when the channel has taken the message into its output buffer. While that buffer is full (it is bounded in
    /// bytes) the call waits. A message taken is on its way without a <see cref="FlushAsync"/>; flush only to know that it
    /// has left the process.
    /// </returns>
    /// <exception cref="MessageTooLargeException">The message is over the limit. Nothing was sent; the channel stays open.</exception>
    /// <exception cref="MessageFramingException">The framing cannot carry this payload. Nothing was sent; the channel stays open.</exception>
    /// <exception cref="MessageChannelClosedException">The channel has ended.</exception>
    /// <exception cref="InvalidOperationException">Sending was completed with <see cref="CompleteSendingAsync"/>.</exception>
    /// <exception cref="NotSupportedException">The channel only receives.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled; the message was not sent.</exception>
    ValueTask SendAsync(Message message, CancellationToken cancellationToken = default);

    /// <summary>Sends several messages one after another, with no other sender's message between them.</summary>
    /// <param name="batch">The messages. Their memory, and the batch's own, are the caller's again once the call has completed.</param>
    /// <param name="cancellationToken">Gives up waiting for room. Honoured only before the first message of the batch is taken: a batch is sent whole or not at all.</param>
    /// <returns>Completes when the channel has taken the last message; see <see cref="SendAsync(Message, CancellationToken)"/>.</returns>
    /// <exception cref="MessageTooLargeException">One message is over the limit. Nothing of the batch was sent; the channel stays open.</exception>
    /// <exception cref="MessageFramingException">The framing cannot carry one of the payloads. Nothing of the batch was sent; the channel stays open.</exception>
    /// <exception cref="MessageChannelClosedException">The channel has ended.</exception>
    /// <exception cref="InvalidOperationException">Sending was completed with <see cref="CompleteSendingAsync"/>.</exception>
    /// <exception cref="NotSupportedException">The channel only receives.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled; nothing of the batch was sent.</exception>
    ValueTask SendAsync(ReadOnlyMemory<Message> batch, CancellationToken cancellationToken = default);

    /// <summary>Sends one message if there is room for it now; never waits.</summary>
    /// <param name="message">The message; zero bytes is a message. Its memory is the caller's again when the call returns, whatever it returns.</param>
    /// <returns>
    /// <see langword="true"/> when the channel has taken the message, as when <see cref="SendAsync(Message, CancellationToken)"/> completes. <see langword="false"/> when that would have
    /// waited: the message was not sent, and the channel is intact. There is room while the output buffer, with this message in it, stays within the transport's
    /// <c>SendBufferSize</c>; a message larger than that finds room only in an empty buffer. While other sends wait for room there is none: nobody is overtaken.
    /// It may write to the connection on the caller's thread, as a send does, when that takes what is given without a wait.
    /// </returns>
    /// <remarks>For those who would rather drop than wait: one slow reader among many must not hold up the others. After <see langword="false"/>, try again with the next message; to wait for room, send.</remarks>
    /// <exception cref="MessageTooLargeException">The message is over the limit. Nothing was sent; the channel stays open.</exception>
    /// <exception cref="MessageFramingException">The framing cannot carry this payload. Nothing was sent; the channel stays open.</exception>
    /// <exception cref="MessageChannelClosedException">The channel has ended, or is closing.</exception>
    /// <exception cref="InvalidOperationException">Sending was completed with <see cref="CompleteSendingAsync"/>.</exception>
    /// <exception cref="NotSupportedException">The channel only receives.</exception>
    bool TrySend(in Message message);

    /// <summary>Waits until every message accepted before this call has been handed to the operating system.</summary>
    /// <param name="cancellationToken">Gives up waiting; what was accepted is sent all the same.</param>
    /// <returns>Completes when the bytes have left the process. It does not mean that the peer has them.</returns>
    /// <exception cref="MessageChannelClosedException">The channel ended before the bytes had left.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    ValueTask FlushAsync(CancellationToken cancellationToken = default);

    /// <summary>Waits for the next message.</summary>
    /// <param name="cancellationToken">Gives up waiting; no message is lost.</param>
    /// <returns>
    /// The message, or <see langword="null"/> when the peer has finished and all its messages were received. The message's
    /// payload is lent until the next call of <see cref="ReceiveAsync"/>, <see cref="WaitToReceiveAsync"/> or <see cref="TryReceive"/>; to keep it longer, call
    /// <see cref="Message.Retain"/> or copy it. What has arrived is received before the end is told: when the peer or the network ends the
    /// channel, the whole messages that stand before the end come first. Only this side's own <see cref="CloseAsync"/>, <see cref="Abort"/> and dispose drop them.
    /// </returns>
    /// <exception cref="InvalidOperationException">Another receive is in progress.</exception>
    /// <exception cref="MessageFramingException">The peer's bytes are not a message, or its stream ended inside one. The channel has ended with <see cref="ChannelCloseStatus.ProtocolError"/>.</exception>
    /// <exception cref="MessageTooLargeException">The peer's message is over the limit. The channel has ended with <see cref="ChannelCloseStatus.MessageTooLarge"/>.</exception>
    /// <exception cref="MessageChannelClosedException">The connection was lost, this side closed or aborted, or the peer closed with a status other than <see cref="ChannelCloseStatus.Normal"/> and <see cref="ChannelCloseStatus.GoingAway"/>.</exception>
    /// <exception cref="NotSupportedException">The channel only sends.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled; the next receive goes on.</exception>
    ValueTask<Message?> ReceiveAsync(CancellationToken cancellationToken = default);

    /// <summary>Waits until there is a message to take with <see cref="TryReceive"/>. Ends the loan on the one received before.</summary>
    /// <param name="cancellationToken">Gives up waiting; no message is lost.</param>
    /// <returns>
    /// <see langword="true"/> when the next <see cref="TryReceive"/> succeeds; <see langword="false"/> when the peer has finished and all its
    /// messages were received, as when <see cref="ReceiveAsync"/> returns <see langword="null"/>. Fails as <see cref="ReceiveAsync"/> does. The cheapest
    /// way to receive many: wait once, then take messages until <see cref="TryReceive"/> returns <see langword="false"/>.
    /// </returns>
    /// <exception cref="InvalidOperationException">Another receive is in progress.</exception>
    /// <exception cref="MessageFramingException">As for <see cref="ReceiveAsync"/>.</exception>
    /// <exception cref="MessageTooLargeException">As for <see cref="ReceiveAsync"/>.</exception>
    /// <exception cref="MessageChannelClosedException">As for <see cref="ReceiveAsync"/>.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled; the next receive goes on.</exception>
    ValueTask<bool> WaitToReceiveAsync(CancellationToken cancellationToken = default);

    /// <summary>Takes a message that has already arrived; never waits and never reads from the network.</summary>
    /// <param name="message">The message, lent as by <see cref="ReceiveAsync"/>.</param>
    /// <returns>
    /// <see langword="false"/> when no whole message has arrived, the peer has finished or the channel has ended:
    /// <see cref="ReceiveAsync"/> tells these apart.
    /// </returns>
    /// <exception cref="InvalidOperationException">Another receive is in progress.</exception>
    bool TryReceive(out Message message);

    /// <summary>
    /// Tells the peer that no more messages will come, while this side goes on receiving. Everything accepted is flushed first.
    /// </summary>
    /// <param name="cancellationToken">Gives up waiting for the flush; the half-close happens all the same.</param>
    /// <exception cref="NotSupportedException"><see cref="ChannelCharacteristics.SupportsHalfClose"/> is <see langword="false"/>.</exception>
    /// <exception cref="MessageChannelClosedException">The channel has ended.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    ValueTask CompleteSendingAsync(CancellationToken cancellationToken = default);

    /// <summary>Flushes what was accepted, tells the peer, and ends the channel. A pending receive ends with <see cref="MessageChannelClosedException"/>.</summary>
    /// <param name="status">The reason; it reaches the peer where <see cref="ChannelCharacteristics.CarriesCloseStatus"/> is <see langword="true"/>.</param>
    /// <param name="description">A text for the peer, where the transport carries one. Not a place for secrets.</param>
    /// <param name="cancellationToken">Gives up the graceful close: the channel is aborted.</param>
    /// <returns>
    /// Completes when the end has been handed to the operating system. Waits no longer than the transport's close timeout,
    /// after which the channel is aborted. A second call waits for the first. Never throws for a connection that is already gone.
    /// </returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="status"/> is not a defined value.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled; the channel has been aborted.</exception>
    ValueTask CloseAsync(
        ChannelCloseStatus status = ChannelCloseStatus.Normal,
        string? description = null,
        CancellationToken cancellationToken = default);

    /// <summary>
    /// Ends the channel at once, dropping what was not sent and not received. Idempotent; never throws, never waits.
    /// </summary>
    /// <param name="cause">Why; it becomes <see cref="ChannelCloseInfo.Exception"/> on this side.</param>
    void Abort(Exception? cause = null);

    /// <summary>Finds a transport-specific feature, looking through decorators.</summary>
    /// <typeparam name="TFeature">The feature's type, usually an interface.</typeparam>
    /// <returns>The feature, or <see langword="null"/> where this channel has none.</returns>
    TFeature? GetFeature<TFeature>()
        where TFeature : class;
}
