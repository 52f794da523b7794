namespace Transports;

/// <summary>A message channel that sends and receives objects: a channel and a serializer.</summary>
/// <typeparam name="TSend">The type of what is sent.</typeparam>
/// <typeparam name="TReceive">The type of what is received.</typeparam>
/// <remarks>The rules of <see cref="IMessageChannel"/> hold here too, but for the loan: what is received is the caller's to keep.</remarks>
public interface IMessageChannel<TSend, TReceive> : IAsyncDisposable
{
    /// <summary>The channel underneath, for its addresses, its end and its features. Disposed with this one.</summary>
    IMessageChannel Channel { get; }

    /// <summary>Serializes a value and sends it; see <see cref="IMessageChannel.SendAsync(Message, CancellationToken)"/>.</summary>
    /// <param name="value">The value. It is read before the call completes and not kept.</param>
    /// <param name="cancellationToken">Gives up waiting for room. A cancelled value was not sent.</param>
    /// <returns>Completes when the channel has taken the message.</returns>
    /// <remarks>When the serializer throws, its exception reaches the caller, nothing is sent and the channel stays open.</remarks>
    ValueTask SendAsync(TSend value, CancellationToken cancellationToken = default);

    /// <summary>Serializes a value and sends it if there is room for it now; never waits. See <see cref="IMessageChannel.TrySend"/>.</summary>
    /// <param name="value">The value. It is read before the call returns and not kept.</param>
    /// <returns><see langword="false"/> when there is no room: nothing was sent, and the channel is intact.</returns>
    /// <remarks>When the serializer throws, its exception reaches the caller, nothing is sent and the channel stays open.</remarks>
    bool TrySend(TSend value);

    /// <summary>Waits until everything accepted has left the process; see <see cref="IMessageChannel.FlushAsync"/>.</summary>
    /// <param name="cancellationToken">Gives up waiting.</param>
    ValueTask FlushAsync(CancellationToken cancellationToken = default);

    /// <summary>Waits for the next message and deserializes it.</summary>
    /// <param name="cancellationToken">Gives up waiting; no message is lost.</param>
    /// <returns>The value, or a result without one when the peer has finished.</returns>
    /// <remarks>When the serializer throws, its exception reaches the caller, that one message is consumed and the channel stays open.</remarks>
    ValueTask<ReceiveResult<TReceive>> ReceiveAsync(CancellationToken cancellationToken = default);

    /// <summary>Takes and deserializes a message that has already arrived; never waits.</summary>
    /// <param name="value">The value.</param>
    /// <returns><see langword="false"/> when none has arrived; see <see cref="IMessageChannel.TryReceive"/>.</returns>
    bool TryReceive([System.Diagnostics.CodeAnalysis.MaybeNullWhen(false)] out TReceive value);

    /// <summary>All values until the peer finishes.</summary>
    /// <param name="cancellationToken">Ends the enumeration with <see cref="OperationCanceledException"/>; no message is lost.</param>
    IAsyncEnumerable<TReceive> ReceiveAllAsync(CancellationToken cancellationToken = default);

    /// <summary>Half-closes; see <see cref="IMessageChannel.CompleteSendingAsync"/>.</summary>
    /// <param name="cancellationToken">Gives up waiting for the flush.</param>
    ValueTask CompleteSendingAsync(CancellationToken cancellationToken = default);

    /// <summary>Closes; see <see cref="IMessageChannel.CloseAsync"/>.</summary>
    /// <param name="status">The reason.</param>
    /// <param name="description">A text for the peer, where the transport carries one.</param>
    /// <param name="cancellationToken">Gives up the graceful close: the channel is aborted.</param>
    ValueTask CloseAsync(
        ChannelCloseStatus status = ChannelCloseStatus.Normal,
        string? description = null,
        CancellationToken cancellationToken = default);
}
