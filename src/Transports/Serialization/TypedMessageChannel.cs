using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Transports.Engine;

/// <summary>A channel and a serializer each way.</summary>
internal sealed class TypedMessageChannel<TSend, TReceive>(
    IMessageChannel channel,
    IMessageSerializer<TSend> sendSerializer,
    IMessageSerializer<TReceive> receiveSerializer) : IMessageChannel<TSend, TReceive>
{
    // The channel's own guard is open while a payload is being deserialized, and a second receive then would end its loan.
    private int _receiving;

    public IMessageChannel Channel => channel;

    public ValueTask SendAsync(TSend value, CancellationToken cancellationToken = default)
        => TypedSend.SendAsync(channel, value, sendSerializer, cancellationToken);

    public bool TrySend(TSend value) => TypedSend.TrySend(channel, value, sendSerializer);

    public ValueTask FlushAsync(CancellationToken cancellationToken = default) => channel.FlushAsync(cancellationToken);

    public ValueTask<ReceiveResult<TReceive>> ReceiveAsync(CancellationToken cancellationToken = default)
    {
        EnterReceive();
        try
        {
            var receiving = channel.ReceiveAsync(cancellationToken);
            if (!receiving.IsCompletedSuccessfully)
            {
                return ReceiveSlowAsync(receiving);
            }

            var received = Deserialize(receiving.Result);
            ExitReceive();
            return new ValueTask<ReceiveResult<TReceive>>(received);
        }
        catch (Exception e)
        {
            ExitReceive();
            return ValueTask.FromException<ReceiveResult<TReceive>>(e);
        }
    }

    public bool TryReceive([MaybeNullWhen(false)] out TReceive value)
    {
        EnterReceive();
        try
        {
            if (channel.TryReceive(out var message))
            {
                value = receiveSerializer.Deserialize(message.Payload);
                return true;
            }
        }
        finally
        {
            ExitReceive();
        }

        value = default;
        return false;
    }

    public async IAsyncEnumerable<TReceive> ReceiveAllAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        while ((await ReceiveAsync(cancellationToken).ConfigureAwait(false)).TryGetValue(out var value))
        {
            yield return value;
        }
    }

    public ValueTask CompleteSendingAsync(CancellationToken cancellationToken = default) => channel.CompleteSendingAsync(cancellationToken);

    public ValueTask CloseAsync(
        ChannelCloseStatus status = ChannelCloseStatus.Normal,
        string? description = null,
        CancellationToken cancellationToken = default)
        => channel.CloseAsync(status, description, cancellationToken);

    public ValueTask DisposeAsync() => channel.DisposeAsync();

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<ReceiveResult<TReceive>> ReceiveSlowAsync(ValueTask<Message?> receiving)
    {
        try
        {
            return Deserialize(await receiving.ConfigureAwait(false));
        }
        finally
        {
            ExitReceive();
        }
    }

    private ReceiveResult<TReceive> Deserialize(Message? message)
        => message is { } received ? new ReceiveResult<TReceive>(receiveSerializer.Deserialize(received.Payload)) : default;

    private void EnterReceive()
    {
        if (Interlocked.CompareExchange(ref _receiving, 1, 0) != 0)
        {
            throw new InvalidOperationException(
                "Another receive is in progress on this channel. One caller receives at a time: await the first, or hand its values on.");
        }
    }

    private void ExitReceive() => Volatile.Write(ref _receiving, 0);
}
