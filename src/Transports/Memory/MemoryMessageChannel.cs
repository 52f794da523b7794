namespace Transports.Engine;

/// <summary>One end of an in-memory connection.</summary>
/// <remarks>
/// An end reaches the other end behind the messages sent before it: after a clean one a receive then returns
/// <see langword="null"/>, after another, or an abort, it throws.
/// </remarks>
internal sealed class MemoryMessageChannel : MessageChannelBase, IInPlaceSerializer
{
    private static readonly ChannelCloseInfo Aborted = new(
        ChannelCloseStatus.ConnectionLost,
        IsRemote: true,
        "The other end of the in-memory connection was aborted.");

    private readonly MemoryMessagePipe _outgoing;
    private readonly MemoryMessagePipe _incoming;
    private MemoryMessageChannel _peer = null!;

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
        var connected = new MemoryMessageChannel(client, upwards, downwards);
        var accepted = new MemoryMessageChannel(server, downwards, upwards);
        connected._peer = accepted;
        accepted._peer = connected;
        return (connected, accepted);
    }

    public ValueTask SendAsync<T>(T value, IMessageSerializer<T> serializer, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(serializer);
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled(cancellationToken);
        }

        return GetSendError() is { } error ? ValueTask.FromException(error) : _outgoing.Queue.SendAsync(value, serializer, cancellationToken);
    }

    public bool TrySend<T>(T value, IMessageSerializer<T> serializer)
    {
        ArgumentNullException.ThrowIfNull(serializer);
        return GetSendError() is { } error ? throw error : _outgoing.Queue.TrySend(value, serializer);
    }

    protected override ValueTask SendCoreAsync(in Message message, CancellationToken cancellationToken)
        => _outgoing.Queue.SendAsync(message, cancellationToken);

    protected override bool TrySendCore(in Message message) => _outgoing.Queue.TrySend(message);

    protected override ValueTask SendBatchCoreAsync(ReadOnlyMemory<Message> batch, CancellationToken cancellationToken)
        => _outgoing.Queue.SendAsync(batch, cancellationToken);

    // What was accepted is where the other end reads it: there is nothing further to hand it to.
    protected override ValueTask FlushCoreAsync(CancellationToken cancellationToken) => ValueTask.CompletedTask;

    protected override bool ReceiveCore(ref ReceivedMessages messages) => _incoming.TryRead(ref messages);

    protected override ValueTask<bool> WaitToReceiveCoreAsync(CancellationToken cancellationToken) => _incoming.WaitAsync(cancellationToken);

    protected override ValueTask CompleteSendingCoreAsync()
    {
        _outgoing.Queue.Refuse(SendingCompleted(), alsoWaiting: false);
        _outgoing.Complete();
        return ValueTask.CompletedTask;
    }

    protected override ValueTask CloseCoreAsync(ChannelCloseInfo info, CancellationToken cancellationToken)
    {
        var told = info with { IsRemote = true };
        _outgoing.Queue.Refuse(ClosedException(), alsoWaiting: true);
        _incoming.Drop(new MessageChannelClosedException(told));
        _peer.OnPeerClosed(told);
        return ValueTask.CompletedTask;
    }

    protected override void AbortCore(ChannelCloseInfo info)
    {
        _outgoing.Queue.Refuse(new MessageChannelClosedException(info), alsoWaiting: true);
        _incoming.Drop(new MessageChannelClosedException(Aborted));

        // It may have closed before, for a reason of its own, which stays.
        _peer.OnPeerClosed(Aborted);
    }

    protected override void OnClosing() => _incoming.WakeReceiver();

    protected override void ReleaseReceiveCore(bool abandon)
    {
        // Before the peer is told of the end, so its senders are told here what it will be.
        _incoming.Drop(new MessageChannelClosedException(CloseInfo is null ? Lifetime.EndInfo with { IsRemote = true } : Aborted));
        _incoming.ReleaseReceiver(abandon);
    }

    // What was sent before can still be received; the end is told behind it.
    private void OnPeerClosed(ChannelCloseInfo info)
    {
        _outgoing.Queue.Refuse(new MessageChannelClosedException(info), alsoWaiting: true);
        _incoming.Complete();

        // A peer that answers this side's close is quicker than the close itself at times: the end is still this side's.
        Terminate(IsClosing && IsCleanRemote(info) ? Lifetime.EndInfo : info, abort: false);
    }
}
