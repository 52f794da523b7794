namespace Transports.Extensibility;

/// <summary>
/// A channel that can serialize a value straight into its output buffer. Typed channels use it where the channel they were
/// given has it, and serialize into a buffer of their own elsewhere.
/// </summary>
/// <remarks>Not looked for through decorators, which would be gone round.</remarks>
public interface IInPlaceSerializer
{
    /// <summary>Serializes and sends one message; see <see cref="IMessageChannel.SendAsync(Message, CancellationToken)"/>.</summary>
    /// <typeparam name="T">The value's type.</typeparam>
    /// <param name="value">The value.</param>
    /// <param name="serializer">Writes it. Called under the channel's send lock; when it throws, what it wrote is taken back.</param>
    /// <param name="cancellationToken">Gives up waiting for room.</param>
    ValueTask SendAsync<T>(T value, IMessageSerializer<T> serializer, CancellationToken cancellationToken = default);

    /// <summary>Serializes and sends one message if there is room now; see <see cref="IMessageChannel.TrySend"/>.</summary>
    /// <typeparam name="T">The value's type.</typeparam>
    /// <param name="value">The value.</param>
    /// <param name="serializer">Writes it, as by <see cref="SendAsync"/>.</param>
    /// <returns><see langword="false"/> when there is no room; the serializer was not called, or what it wrote was taken back.</returns>
    bool TrySend<T>(T value, IMessageSerializer<T> serializer);
}
