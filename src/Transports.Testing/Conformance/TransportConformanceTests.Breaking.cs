namespace Transports.Testing;

// Every way that a channel can break: abort, a peer that is killed, a message cut short.
public abstract partial class TransportConformanceTests
{
    /// <summary>Abort ends this side as Aborted with its cause, and the other side as ConnectionLost.</summary>
    /// <param name="abortClient">Whether the connecting side aborts.</param>
    [Theory(Timeout = HangTimeout)]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Abort_OneSide_IsAbortedThereAndLostOnTheOther(bool abortClient)
    {
        OnlyIfReliable();
        OnlyIfBidirectional();
        var pair = await OpenAsync();
        var (aborting, other) = abortClient ? (pair.Client, pair.Server) : (pair.Server, pair.Client);
        await aborting.SendAsync("before"u8.ToArray(), Token);
        Assert.Equal("before"u8.ToArray(), await ReceiveBytesAsync(other));
        var cause = new TimeoutException("the test's cause");
        var receiving = aborting.ReceiveAsync(Token).AsTask();
        aborting.Abort(cause);
        aborting.Abort();
        var own = await ClosedAsync(aborting);
        Assert.Equal(ChannelCloseStatus.Aborted, own.Status);
        Assert.False(own.IsRemote);
        Assert.Same(cause, own.Exception);
        var error = await Assert.ThrowsAsync<MessageChannelClosedException>(() => receiving);
        Assert.Equal(ChannelCloseStatus.Aborted, error.CloseInfo.Status);
        await Assert.ThrowsAsync<MessageChannelClosedException>(async () => await aborting.SendAsync("late"u8.ToArray(), Token));
        await Assert.ThrowsAsync<MessageChannelClosedException>(async () => await aborting.FlushAsync(Token));

        if (DistinguishesAbortFromClose)
        {
            var remote = await AssertReceiveEndsAsync(other);
            Assert.Equal(ChannelCloseStatus.ConnectionLost, remote.CloseInfo.Status);
            Assert.True(remote.CloseInfo.IsRemote);
            var end = await ClosedAsync(other);
            Assert.Equal(ChannelCloseStatus.ConnectionLost, end.Status);
            await Assert.ThrowsAsync<MessageChannelClosedException>(async () => await other.SendAsync("late"u8.ToArray(), Token));
        }
        else
        {
            await EndsAnywayAsync(other);
        }

        // Never an exception for a connection that is gone.
        await other.CloseAsync(cancellationToken: Token);
        await other.DisposeAsync();
    }

    /// <summary>Abort ends waiting sends and flushes of this side.</summary>
    [Fact(Timeout = HangTimeout)]
    public async Task Abort_WhileSendsWait_EndsThem()
    {
        OnlyIfReliable();
        var pair = await OpenAsync(client: Small(ChannelSide.Client), server: Small(ChannelSide.Server));
        await FillAsync(pair.Sender, SmallBuffer);
        var sends = Enumerable.Range(0, 10).Select(_ => pair.Sender.SendAsync(new byte[SmallBuffer], Token).AsTask()).ToArray();
        var flush = pair.Sender.FlushAsync(Token).AsTask();
        pair.Sender.Abort();
        var refused = false;
        foreach (var send in sends)
        {
            // The first in the queue may find room still: a QUIC peer makes some with each acknowledgement, which it may put off for 25 ms.
            // Whoever stands behind one that was refused is refused too.
            var sendEnd = await Record.ExceptionAsync(() => send);
            Assert.True(sendEnd is MessageChannelClosedException || (sendEnd is null && !refused), $"A send ended with {sendEnd?.ToString() ?? "success behind one that failed"}.");
            refused |= sendEnd is not null;
        }

        Assert.True(refused, "Every send was accepted, so none had waited.");
        var flushEnd = await Record.ExceptionAsync(() => flush);
        Assert.True(flushEnd is null or MessageChannelClosedException, $"The flush ended with {flushEnd}.");
    }

    /// <summary>Abort at any moment while both sides send and receive: every call ends, with MessageChannelClosedException and nothing else.</summary>
    [Fact(Timeout = HangTimeout)]
    public async Task Abort_WhileSendingAndReceiving_EverythingEnds()
    {
        OnlyIfReliable();
        OnlyIfBidirectional();
        var listener = await ListenAsync();
        var random = new Random(Seed);
        for (var round = 0; round < RaceIterations; round++)
        {
            var pair = await ConnectAsync(listener);
            var stopAfter = random.Next(1, 200);
            var running = new[]
            {
                Task.Run(() => SendUntilClosedAsync(pair.Client, static () => 0), Token),
                Task.Run(() => SendUntilClosedAsync(pair.Server, static () => 0), Token),
                Task.Run(() => CountUntilEndOrCutAsync(pair.Server), Token),
                Task.Run(() => CountUntilEndOrCutAsync(pair.Client, () => stopAfter-- == 0 ? pair.Client : null), Token),
            };
            await Task.WhenAll(running);
            await pair.Client.DisposeAsync();
            await pair.Server.DisposeAsync();
            Assert.Equal(ChannelCloseStatus.Aborted, (await ClosedAsync(pair.Client)).Status);
        }
    }

    /// <summary>A peer that ends inside a message: the messages before it arrive, and then MessageFramingException; never the torn message, never a clean end.</summary>
    [Fact(Timeout = HangTimeout)]
    public async Task Receive_PeerEndsInsideAMessage_IsAProtocolError()
    {
        var (listener, peer, channel) = await ConnectRawAsync();
        await peer.SendMessageAsync();
        await peer.SendHalfMessageAsync();
        await peer.DisposeAsync();
        await ReceiveBytesAsync(channel);
        await Assert.ThrowsAsync<MessageFramingException>(async () => await channel.ReceiveAsync(Token));
        await Assert.ThrowsAsync<MessageFramingException>(async () => await channel.ReceiveAsync(Token));
        var end = await ClosedAsync(channel);
        Assert.Equal(ChannelCloseStatus.ProtocolError, end.Status);
        await AssertStillServesAsync(listener);
    }

    /// <summary>A peer that is killed inside a message: ConnectionLost; never the torn message, never a clean end.</summary>
    [Fact(Timeout = HangTimeout)]
    public async Task Receive_PeerKilledInsideAMessage_IsConnectionLost()
    {
        var (listener, peer, channel) = await ConnectRawAsync();
        SkipUnless(peer.CanReset, $"A peer of {Name} cannot break off without a word.");
        await peer.SendMessageAsync();
        await ReceiveBytesAsync(channel);
        await peer.SendHalfMessageAsync();
        var receiving = channel.ReceiveAsync(Token).AsTask();
        peer.Reset();
        var error = await Assert.ThrowsAsync<MessageChannelClosedException>(() => receiving);
        Assert.Equal(ChannelCloseStatus.ConnectionLost, error.CloseInfo.Status);
        Assert.Equal(ChannelCloseStatus.ConnectionLost, (await ClosedAsync(channel)).Status);
        await AssertStillServesAsync(listener);
    }

    /// <summary>A peer that sends half a message and then nothing is no message, and this side can close as ever.</summary>
    [Fact(Timeout = HangTimeout)]
    public async Task Dispose_PeerStalledInsideAMessage_EndsInOrder()
    {
        var (listener, peer, channel) = await ConnectRawAsync();
        await peer.SendHalfMessageAsync();
        Assert.False(channel.TryReceive(out _));
        using (var giveUp = new CancellationTokenSource())
        {
            var receiving = channel.ReceiveAsync(giveUp.Token).AsTask();
            await giveUp.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => receiving);
        }

        await channel.DisposeAsync();
        Assert.Equal(ChannelCloseStatus.Normal, (await ClosedAsync(channel)).Status);
        await peer.DisposeAsync();
        await AssertStillServesAsync(listener);
    }

    private static async Task CountUntilEndOrCutAsync(IMessageChannel channel, Func<IMessageChannel?>? abort = null)
    {
        try
        {
            while (await channel.ReceiveAsync(Token) is { } message)
            {
                Assert.Equal(700, message.Length);
                abort?.Invoke()?.Abort();
            }

            // A clean end where the wire does not tell an abort; the other direction then ends with this close.
            await channel.CloseAsync(cancellationToken: Token);
        }
        catch (MessageChannelClosedException)
        {
        }
        catch (MessageFramingException)
        {
            // Where the wire does not tell an abort from an end, it ends inside a message.
        }
    }

    private static async Task EndsAnywayAsync(IMessageChannel channel)
    {
        try
        {
            await AssertFinishedAsync(channel);
        }
        catch (MessageChannelClosedException e)
        {
            Assert.Equal(ChannelCloseStatus.ConnectionLost, e.CloseInfo.Status);
        }
    }

    private async Task<(IMessageListener Listener, RawPeer Peer, IMessageChannel Channel)> ConnectRawAsync()
    {
        var listener = await ListenAsync();
        var accepting = listener.AcceptAsync(Token).AsTask();
        var peer = await ConnectRawPeerAsync(GetConnectAddress(listener), Token);
        SkipUnless(peer is not null, $"The suite for {Name} has no raw peer: ConnectRawPeerAsync is not overridden.");
        Own(peer!);
        return (listener, peer!, Own((await accepting)!));
    }

    private async Task AssertStillServesAsync(IMessageListener listener)
    {
        var pair = await ConnectAsync(listener);
        await pair.Sender.SendAsync("still here"u8.ToArray(), Token);
        Assert.Equal("still here"u8.ToArray(), await ReceiveBytesAsync(pair.Receiver));
    }
}
