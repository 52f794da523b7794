using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json.Serialization.Metadata;

namespace Transports;

/// <summary>Typed channels, text, and loops over any <see cref="IMessageChannel"/>.</summary>
public static class MessageChannelExtensions
{
    /// <summary>A typed channel that sends one type and receives another.</summary>
    /// <typeparam name="TSend">The type of what is sent.</typeparam>
    /// <typeparam name="TReceive">The type of what is received.</typeparam>
    /// <param name="channel">The channel; the typed one owns it from here on. A framed channel is serialized into directly; through a decorator each message goes by way of a pooled buffer.</param>
    /// <param name="sendSerializer">Writes what is sent.</param>
    /// <param name="receiveSerializer">Reads what is received.</param>
    /// <returns>The typed channel.</returns>
    public static IMessageChannel<TSend, TReceive> WithSerializer<TSend, TReceive>(
        this IMessageChannel channel,
        IMessageSerializer<TSend> sendSerializer,
        IMessageSerializer<TReceive> receiveSerializer)
    {
        ArgumentNullException.ThrowIfNull(channel);
        ArgumentNullException.ThrowIfNull(sendSerializer);
        ArgumentNullException.ThrowIfNull(receiveSerializer);
        return new TypedMessageChannel<TSend, TReceive>(channel, sendSerializer, receiveSerializer);
    }

    /// <summary>A typed channel that sends and receives one type.</summary>
    /// <typeparam name="T">The type both ways.</typeparam>
    /// <param name="channel">The channel; the typed one owns it from here on.</param>
    /// <param name="serializer">Writes and reads.</param>
    /// <returns>The typed channel.</returns>
    public static IMessageChannel<T, T> WithSerializer<T>(this IMessageChannel channel, IMessageSerializer<T> serializer)
        => channel.WithSerializer(serializer, serializer);

    /// <summary>A typed channel over JSON; see <see cref="JsonMessageSerializer{T}"/>.</summary>
    /// <typeparam name="TSend">The type of what is sent.</typeparam>
    /// <typeparam name="TReceive">The type of what is received.</typeparam>
    /// <param name="channel">The channel; the typed one owns it from here on.</param>
    /// <param name="sendInfo">The contract of what is sent, from a source-generated context.</param>
    /// <param name="receiveInfo">The contract of what is received.</param>
    /// <returns>The typed channel.</returns>
    public static IMessageChannel<TSend, TReceive> WithJson<TSend, TReceive>(
        this IMessageChannel channel,
        JsonTypeInfo<TSend> sendInfo,
        JsonTypeInfo<TReceive> receiveInfo)
        => channel.WithSerializer(new JsonMessageSerializer<TSend>(sendInfo), new JsonMessageSerializer<TReceive>(receiveInfo));

    /// <summary>A typed channel over JSON that sends and receives one type.</summary>
    /// <typeparam name="T">The type both ways.</typeparam>
    /// <param name="channel">The channel; the typed one owns it from here on.</param>
    /// <param name="typeInfo">The contract, from a source-generated context, such as <c>MyContext.Default.MyType</c>.</param>
    /// <returns>The typed channel.</returns>
    public static IMessageChannel<T, T> WithJson<T>(this IMessageChannel channel, JsonTypeInfo<T> typeInfo)
        => channel.WithSerializer(new JsonMessageSerializer<T>(typeInfo));

    /// <summary>Sends a text message; see <see cref="IMessageChannel.SendAsync(Message, CancellationToken)"/>.</summary>
    /// <param name="channel">The channel.</param>
    /// <param name="text">The text, sent as UTF-8.</param>
    /// <param name="cancellationToken">Gives up waiting for room. A cancelled message was not sent.</param>
    /// <returns>Completes when the channel has taken the message.</returns>
    /// <exception cref="EncoderFallbackException">The text holds a lone surrogate, which UTF-8 cannot carry. Nothing was sent.</exception>
    public static ValueTask SendAsync(this IMessageChannel channel, string text, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(channel);
        ArgumentNullException.ThrowIfNull(text);
        return TypedSend.SendAsync(channel, text, Utf8TextSerializer.Instance, cancellationToken);
    }

    /// <summary>Sends a text message if there is room for it now; see <see cref="IMessageChannel.TrySend"/>.</summary>
    /// <param name="channel">The channel.</param>
    /// <param name="text">The text, sent as UTF-8.</param>
    /// <returns><see langword="false"/> when there is no room: nothing was sent, and the channel is intact.</returns>
    /// <exception cref="EncoderFallbackException">The text holds a lone surrogate, which UTF-8 cannot carry. Nothing was sent.</exception>
    public static bool TrySend(this IMessageChannel channel, string text)
    {
        ArgumentNullException.ThrowIfNull(channel);
        ArgumentNullException.ThrowIfNull(text);
        return TypedSend.TrySend(channel, text, Utf8TextSerializer.Instance);
    }

    /// <summary>All messages until the peer finishes.</summary>
    /// <param name="channel">The channel. One caller receives at a time.</param>
    /// <param name="cancellationToken">Ends the enumeration with <see cref="OperationCanceledException"/>; no message is lost.</param>
    /// <returns>The messages, each lent until the next is asked for: call <see cref="Message.Retain"/> to keep one longer. Ends in the ways <see cref="IMessageChannel.ReceiveAsync"/> does.</returns>
    public static IAsyncEnumerable<Message> ReceiveAllAsync(this IMessageChannel channel, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(channel);
        return Enumerate(channel, cancellationToken);

        static async IAsyncEnumerable<Message> Enumerate(IMessageChannel channel, [EnumeratorCancellation] CancellationToken cancellationToken)
        {
            while (await channel.WaitToReceiveAsync(cancellationToken).ConfigureAwait(false))
            {
                while (channel.TryReceive(out var message))
                {
                    yield return message;
                    cancellationToken.ThrowIfCancellationRequested();
                }
            }
        }
    }

    /// <summary>
    /// Copies messages, with their kind, from one channel to another until the source's peer finishes; then half-closes the
    /// target where it can, and flushes it where it cannot. One direction: call it twice for both.
    /// </summary>
    /// <param name="source">Where from. Not closed. One caller receives at a time.</param>
    /// <param name="target">Where to. Others may send on it too; not closed. While it is full nothing is received, so its backpressure reaches the source's peer.</param>
    /// <param name="cancellationToken">Stops between messages, or while the target is full; the message then in hand, if any, is lost to the target. Neither channel is closed.</param>
    /// <returns>Completes after the source's end. Fails as the receive or the send that failed.</returns>
    public static async Task CopyToAsync(this IMessageChannel source, IMessageChannel target, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(target);
        while (await source.ReceiveAsync(cancellationToken).ConfigureAwait(false) is { } message)
        {
            // The loan lasts until the next receive, and the send is done with the memory when it completes.
            await target.SendAsync(message, cancellationToken).ConfigureAwait(false);
        }

        if (target.Characteristics.SupportsHalfClose)
        {
            await target.CompleteSendingAsync(cancellationToken).ConfigureAwait(false);
        }
        else
        {
            await target.FlushAsync(cancellationToken).ConfigureAwait(false);
        }
    }
}
