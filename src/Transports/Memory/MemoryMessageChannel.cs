using System.Buffers;

namespace Transports;

/// <summary>One end of an in-memory connection.</summary>
/// <remarks>
/// A close reaches the other end behind the messages sent before it: a clean one lets them be received and then returns
/// <see langword="null"/>, another one lets them be received and then throws. An abort drops them, and the other end has lost
/// its connection.
/// </remarks>
internal sealed class MemoryMessageChannel : MessageChannelBase, ISerializingChannel
{
    private readonly MemoryMessagePipe _outgoing;
    private readonly MemoryMessagePipe _incoming;
    private MemoryMessageChannel _peer = null!;
    private ChannelCloseInfo? _peerClose;

    private MemoryMessageChannel(MessageChannelContext context, MemoryMessagePipe outgoing, MemoryMessagePipe incoming)
        : base(context)
    {
        _outgoing = outgoing;
        _incoming = incoming;
    }

    /// <summary>Nothing that was sent waits to be received.</summary>
    internal bool HasReceivedAll => _incoming.IsDrained;

    public static (MemoryMessageChannel Client, MemoryMessageChannel Server) CreatePair(MessageChannelContext client, MessageChannelContext server)
    {
        var upwards = new MemoryMessagePipe(client.Options, client.Options.MaxMessageSize);
        var downwards = new MemoryMessagePipe(server.Options, server.Options.MaxMessageSize);
        var dialled = new MemoryMessageChannel(client, upwards, downwards);
        var accepted = new MemoryMessageChannel(server, downwards, upwards);
        dialled._peer = accepted;
        accepted._peer = dialled;
        return (dialled, accepted);
    }

    public ValueTask SendAsync<T>(T value, IMessageSerializer<T> serializer, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(serializer);
        return cancellationToken.IsCancellationRequested
            ? ValueTask.FromCanceled(cancellationToken)
            : _outgoing.SendAsync(this, value, serializer, cancellationToken);
    }

    internal Exception? SendRefusal() => RefuseSend();

    protected override ValueTask SendCoreAsync(Message message, CancellationToken cancellationToken)
        => _outgoing.SendAsync(this, message, cancellationToken);

    protected override ValueTask SendBatchCoreAsync(ReadOnlyMemory<Message> batch, CancellationToken cancellationToken)
        => _outgoing.SendAsync(this, batch, cancellationToken);

    // What was accepted is where the other end reads it: there is nothing further to hand it to.
    protected override ValueTask FlushCoreAsync(CancellationToken cancellationToken) => ValueTask.CompletedTask;

    protected override bool TryReceiveCore(out ReadOnlySequence<byte> payload, out MessageKind kind)
        => _incoming.TryRead(out payload, out kind);

    protected override ValueTask<bool> WaitToReceiveCoreAsync(CancellationToken cancellationToken)
    {
        switch (_incoming.PrepareToWait())
        {
            case ReceiveOutlook.Ready:
                return new ValueTask<bool>(true);
            case ReceiveOutlook.Finished:
                // The reason is written before the pipe is completed, so it is there to be seen.
                if (Volatile.Read(ref _peerClose) is { } close)
                {
                    EndAsPeerDid(close);
                }

                return new ValueTask<bool>(false);
            default:
                return _incoming.WaitAsync(cancellationToken);
        }
    }

    protected override ValueTask CompleteSendingCoreAsync(CancellationToken cancellationToken)
    {
        _outgoing.Complete();
        return ValueTask.CompletedTask;
    }

    protected override ValueTask CloseCoreAsync(ChannelCloseStatus status, string? description, CancellationToken cancellationToken)
    {
        var info = new ChannelCloseInfo(status, IsRemote: true, description);
        _outgoing.RefuseSenders(ClosedException());
        _incoming.Drop(new MessageChannelClosedException(info));
        _peer.OnPeerClosed(info);
        return ValueTask.CompletedTask;
    }

    protected override void AbortCore(ChannelCloseInfo info)
    {
        var error = new MessageChannelClosedException(info);
        _outgoing.RefuseSenders(error);
        _incoming.Drop(error);
        if (Volatile.Read(ref _peerClose) is not null)
        {
            // The peer has closed, for a reason of its own.
            return;
        }

        // Its receiver is woken by its end, so that it cannot take the abort for an orderly finish.
        _peer.End(new ChannelCloseInfo(
            ChannelCloseStatus.ConnectionLost,
            IsRemote: true,
            "The other end of the in-memory connection was aborted."));
    }

    protected override void OnEnded() => _incoming.WakeReceiver();

    protected override void ReleaseReceiveCore() => _incoming.ReleaseReceiver();

    private void OnPeerClosed(ChannelCloseInfo info)
    {
        // A status that says more than goodbye would hide from the receiver what was sent before it, so it waits its turn.
        Volatile.Write(ref _peerClose, info);
        _incoming.Complete();
        if (info.Status is ChannelCloseStatus.Normal or ChannelCloseStatus.GoingAway || _incoming.IsDrained)
        {
            EndAsPeerDid(info);
        }
    }

    private void EndAsPeerDid(ChannelCloseInfo info)
    {
        if (info.Status is ChannelCloseStatus.Normal or ChannelCloseStatus.GoingAway)
        {
            EndByPeer(info);
        }
        else
        {
            End(info);
        }
    }
}
