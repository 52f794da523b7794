namespace Transports.Testing.Tests;

/// <summary>A channel that breaks one promise of the contract, now and then.</summary>
internal sealed class BrokenChannel(IMessageChannel inner, BrokenPromise promise) : DelegatingMessageChannel(inner)
{
    private readonly Lock _gate = new();
    private byte[]? _heldBack;
    private int _sent;
    private int _ends;
    private int _receives;

    public override async ValueTask SendAsync(Message message, CancellationToken cancellationToken = default)
    {
        var third = Interlocked.Increment(ref _sent) % 3 == 0;
        switch (promise)
        {
            case BrokenPromise.LosesAMessage when third:
                return;
            case BrokenPromise.DoublesAMessage when third:
                await Inner.SendAsync(new[] { message, message }, cancellationToken);
                return;
            case BrokenPromise.ChangesTheKind when third && message.Length > 0:
                await Inner.SendAsync(new Message(message.Payload, message.Kind == MessageKind.Text ? MessageKind.Binary : MessageKind.Text), cancellationToken);
                return;
            case BrokenPromise.ChangesAByte when third && message.Length > 0:
                var bytes = message.ToArray();
                bytes[^1] ^= 1;
                await Inner.SendAsync(new Message(bytes, message.Kind), cancellationToken);
                return;
            case BrokenPromise.SendsWhatWasCancelled when cancellationToken.CanBeCanceled:
                await Inner.SendAsync(message, CancellationToken.None);
                cancellationToken.ThrowIfCancellationRequested();
                return;
            case BrokenPromise.SendsFromTheCallersMemoryLater when third && message.Length > 0:
                _ = Task.Run(async () => await Inner.SendAsync(message, CancellationToken.None));
                await Task.Yield();
                return;
            case BrokenPromise.SwapsMessages when message.Length > 0:
                await SwapAsync(message, cancellationToken);
                return;
            case BrokenPromise.ThrowsSomethingElse when third:
                throw new TimeoutException("not in the contract");
            case BrokenPromise.AcceptsAfterTheEnd when Closed.IsCompleted:
                return;
            default:
                await Inner.SendAsync(message, cancellationToken);
                return;
        }
    }

    public override async ValueTask SendAsync(ReadOnlyMemory<Message> batch, CancellationToken cancellationToken = default)
    {
        if (promise != BrokenPromise.BreaksBatches)
        {
            await Inner.SendAsync(batch, cancellationToken);
            return;
        }

        for (var i = 0; i < batch.Length; i++)
        {
            await Inner.SendAsync(batch.Span[i], cancellationToken);
            await Task.Yield();
        }
    }

    public override bool TrySend(in Message message)
    {
        switch (promise)
        {
            case BrokenPromise.TriesAndLosesIt when !Closed.IsCompleted:
                return true;
            case BrokenPromise.SaysThereIsNoRoomAndSends:
                Inner.TrySend(message);
                return false;
            case BrokenPromise.NeverHasRoom when !Closed.IsCompleted:
            case BrokenPromise.HasNoRoomAfterTheEnd when Closed.IsCompleted:
                return false;
            case BrokenPromise.WaitsForRoom:
                Inner.SendAsync(message).AsTask().GetAwaiter().GetResult();
                return true;
            default:
                return Inner.TrySend(message);
        }
    }

    public override async ValueTask FlushAsync(CancellationToken cancellationToken = default)
    {
        if (promise == BrokenPromise.NeverEndsAFlush && !cancellationToken.CanBeCanceled)
        {
            await new TaskCompletionSource().Task;
        }

        await Inner.FlushAsync(cancellationToken);
    }

    public override async ValueTask<Message?> ReceiveAsync(CancellationToken cancellationToken = default)
    {
        if (promise == BrokenPromise.TellsTheEndTooEarly && Interlocked.Increment(ref _receives) > 2)
        {
            return null;
        }

        var message = await Inner.ReceiveAsync(cancellationToken);
        return message is null && promise == BrokenPromise.TellsTwoEnds && Interlocked.Increment(ref _ends) % 2 == 0
            ? throw new MessageChannelClosedException(new ChannelCloseInfo(ChannelCloseStatus.ConnectionLost, IsRemote: true))
            : message;
    }

    public override async ValueTask CloseAsync(ChannelCloseStatus status = ChannelCloseStatus.Normal, string? description = null, CancellationToken cancellationToken = default)
    {
        await Inner.CloseAsync(status, description, cancellationToken);
        if (promise == BrokenPromise.ThrowsFromClose)
        {
            throw new MessageChannelClosedException(await Closed);
        }
    }

    // Every second message is sent before the one that was accepted before it.
    private async ValueTask SwapAsync(Message message, CancellationToken cancellationToken)
    {
        byte[]? before;
        lock (_gate)
        {
            before = _heldBack;
            _heldBack = before is null ? message.ToArray() : null;
        }

        if (before is not null)
        {
            await Inner.SendAsync(message, cancellationToken);
            await Inner.SendAsync(before, CancellationToken.None);
        }
    }
}
