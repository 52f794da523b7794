namespace Transports.Extensibility;

/// <content>Sends that never wait.</content>
public sealed partial class SendQueue
{
    /// <summary>Sends one message if there is room now; see <see cref="IMessageChannel.TrySend"/>.</summary>
    /// <param name="message">The message, of an allowed size.</param>
    /// <returns><see langword="false"/> when there is no room, or others wait for it.</returns>
    public bool TrySend(in Message message) => TrySend(new MessageSend(message));

    /// <summary>Serializes a value in place and sends it, if there is room now; see <see cref="IMessageChannel.TrySend"/>.</summary>
    /// <typeparam name="T">The value's type.</typeparam>
    /// <param name="value">The value.</param>
    /// <param name="serializer">Writes it, under the gate; what it wrote is taken back when it throws.</param>
    /// <returns><see langword="false"/> when there is no room, or others wait for it.</returns>
    public bool TrySend<T>(T value, IMessageSerializer<T> serializer) => TrySend(new SerializedSend<T>(value, serializer));

    private bool TrySend<TSend>(in TSend send)
        where TSend : struct, IFrameSend
    {
        var size = send.Size;
        for (var hasWritten = false; ; hasWritten = true)
        {
            var sent = false;
            lock (_gate)
            {
                if ((!_isOpen || _serializing) && GetSendError() is { } error)
                {
                    throw error;
                }

                if (HasRoom(size))
                {
                    var start = _filling.Length;
                    try
                    {
                        send.WriteTo(this);
                    }
                    catch
                    {
                        TakeBack(start);
                        throw;
                    }

                    sent = true;
                    _accepted += _filling.Length - start;
                    _atOnce += size;
                    if (!Added())
                    {
                        return true;
                    }
                }
                else if (hasWritten || !_waiters.IsEmpty || !_consumer.TryTakeOver())
                {
                    // One buffer is written here if nobody has come for it yet: a peer that reads is not to lose messages for want of a thread.
                    return false;
                }
            }

            _consumer.Run();
            if (sent)
            {
                return true;
            }
        }
    }
}
