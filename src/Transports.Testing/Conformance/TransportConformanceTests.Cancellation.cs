namespace Transports.Testing;

// A token gives up waiting, and nothing else.
public abstract partial class TransportConformanceTests
{
    /// <summary>A token that is cancelled already sends nothing, receives nothing, and leaves the channel as it was.</summary>
    [Fact(Timeout = HangTimeout)]
    public async Task AnyCall_TokenCancelledBefore_DoesNothing()
    {
        var pair = await OpenAsync();
        var cancelled = new CancellationToken(canceled: true);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await pair.Sender.SendAsync("never"u8.ToArray(), cancelled));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await pair.Sender.SendAsync(new Message[] { "never"u8.ToArray() }, cancelled));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await pair.Sender.FlushAsync(cancelled));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await pair.Receiver.ReceiveAsync(cancelled));
        Assert.Equal("sent"u8.ToArray(), (await DeliverAsync(pair.Sender, pair.Receiver, "sent"u8.ToArray())).ToArray());
    }

    /// <summary>Sends cancelled while the channel is full were not sent; those that were taken, and those after them, arrive in order.</summary>
    [Fact(Timeout = HangTimeout)]
    public async Task Send_CancelledWhileFull_WasNotSentAndTheRestArrives()
    {
        OnlyIfReliable();
        const int Later = 5;
        var pair = await OpenAsync(client: Small(ChannelSide.Client), server: Small(ChannelSide.Server));
        var taken = await FillAsync(pair.Sender, SmallBuffer);

        // In the queue: one that will be cancelled between some that will not.
        using var giveUp = new CancellationTokenSource();
        var before = Enumerable.Range(0, Later).Select(i => pair.Sender.SendAsync(Later1(i), Token).AsTask()).ToArray();
        var cancelledSend = pair.Sender.SendAsync("cancelled"u8.ToArray(), giveUp.Token).AsTask();
        var cancelledBatch = pair.Sender.SendAsync(new Message[] { "cancelled"u8.ToArray(), "cancelled"u8.ToArray() }, giveUp.Token).AsTask();
        var after = Enumerable.Range(Later, Later).Select(i => pair.Sender.SendAsync(Later1(i), Token).AsTask()).ToArray();
        await giveUp.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelledSend);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelledBatch);

        foreach (var expected in taken)
        {
            Assert.Equal(expected, await ReceiveBytesAsync(pair.Receiver));
        }

        for (var i = 0; i < 2 * Later; i++)
        {
            Assert.Equal(Later1(i), await ReceiveBytesAsync(pair.Receiver));
        }

        await Task.WhenAll([.. before, .. after]);
        await pair.Sender.SendAsync("intact"u8.ToArray(), Token);
        Assert.Equal("intact"u8.ToArray(), await ReceiveBytesAsync(pair.Receiver));

        static byte[] Later1(int i) => BitConverter.GetBytes(i);
    }

    /// <summary>Sends cancelled at any moment were either sent whole or not at all, as each said.</summary>
    [Fact(Timeout = HangTimeout)]
    public async Task Send_CancelledAtAnyMoment_IsSentExactlyWhenItSaysSo()
    {
        OnlyIfReliable();
        const int Count = 5000;
        var pair = await OpenAsync(client: Small(ChannelSide.Client), server: Small(ChannelSide.Server));
        var plan = new MessagePlan(Seed, SmallBuffer);
        var sent = new List<int>();
        var sending = Task.Run(
            async () =>
            {
                for (var i = 0; i < Count; i++)
                {
                    using var giveUp = new CancellationTokenSource();
                    var message = pair.Sender.SendAsync(new Message(plan[i]), giveUp.Token);
                    if (i % 2 == 0)
                    {
                        // Some from another thread, where it can meet the send being taken at the same moment.
                        _ = ThreadPool.UnsafeQueueUserWorkItem(static source => TryCancel(source), giveUp, preferLocal: false);
                    }

                    try
                    {
                        await message;
                        sent.Add(i);
                    }
                    catch (OperationCanceledException)
                    {
                    }
                }

                await pair.Sender.SendAsync("the end of the test"u8.ToArray(), Token);
            },
            Token);
        var received = new List<byte[]>();
        while (await ReceiveBytesAsync(pair.Receiver) is var bytes && !bytes.AsSpan().SequenceEqual("the end of the test"u8))
        {
            received.Add(bytes);
        }

        await sending;
        Assert.Equal(sent.Count, received.Count);
        for (var i = 0; i < sent.Count; i++)
        {
            Assert.True(plan[sent[i]].Span.SequenceEqual(received[i]), $"Message {sent[i]} said that it was sent; another arrived in its place.");
        }

        static void TryCancel(CancellationTokenSource source)
        {
            try
            {
                source.Cancel();
            }
            catch (ObjectDisposedException)
            {
                // The send was faster.
            }
        }
    }

    /// <summary>A cancelled receive loses nothing: the next one gets the message.</summary>
    [Fact(Timeout = HangTimeout)]
    public async Task Receive_CancelledWhileWaiting_NextOneGetsTheMessage()
    {
        const int Rounds = 100;
        var pair = await OpenAsync();
        for (var i = 0; i < Rounds; i++)
        {
            for (var again = 0; again < 3; again++)
            {
                using var giveUp = new CancellationTokenSource();
                var receiving = ReceiveFreshAsync(pair.Receiver, giveUp.Token);
                await giveUp.CancelAsync();
                await Assert.ThrowsAnyAsync<OperationCanceledException>(() => receiving);
            }

            var expected = BitConverter.GetBytes(i);
            Message message;
            do
            {
                // Where a message was lost and sent again, both copies may arrive after all.
                message = await DeliverAsync(pair.Sender, pair.Receiver, expected);
            }
            while (!Promised.IsReliable && !Same(message.Payload, expected));
            Assert.Equal(expected, message.ToArray());
        }
    }

    /// <summary>Every receive is cancelled at some moment while messages flow; all of them arrive, once and in order.</summary>
    [Fact(Timeout = HangTimeout)]
    public async Task Receive_EveryOneCancelledWhileMessagesFlow_NothingIsLost()
    {
        OnlyIfReliable();
        var count = Math.Max(MessageCount / 10, 100);
        var pair = await OpenAsync();
        var plan = new MessagePlan(Seed, pair.Sender.Characteristics.MaxMessageSize);
        var sending = Task.Run(() => SendPlannedAsync(pair.Sender, plan, 0, count), Token);
        var cancelled = 0;
        for (var i = 0; i < count;)
        {
            using var giveUp = new CancellationTokenSource();
            var receiving = pair.Receiver.ReceiveAsync(giveUp.Token);
            if (!receiving.IsCompleted && (cancelled & 1) == 0)
            {
                // Gives the message a chance to arrive at the same moment.
                await Task.Yield();
            }

            await giveUp.CancelAsync();
            try
            {
                AssertPlanned(Present(await receiving, i), plan, i);
                i++;
            }
            catch (OperationCanceledException) when (!Token.IsCancellationRequested)
            {
                cancelled++;
            }
        }

        await sending;
        Assert.False(pair.Receiver.TryReceive(out _));
    }

    /// <summary>A cancelled flush gives up waiting; what was accepted is sent all the same.</summary>
    [Fact(Timeout = HangTimeout)]
    public async Task Flush_CancelledWhileFull_LosesNothing()
    {
        OnlyIfReliable();
        var pair = await OpenAsync(client: Small(ChannelSide.Client), server: Small(ChannelSide.Server));
        var taken = await FillAsync(pair.Sender, SmallBuffer);
        using (var giveUp = new CancellationTokenSource())
        {
            var flushing = pair.Sender.FlushAsync(giveUp.Token).AsTask();
            await giveUp.CancelAsync();
            await Record.ExceptionAsync(() => flushing);
            Assert.True(flushing.IsCanceled || flushing.IsCompletedSuccessfully, $"A cancelled flush ended with {flushing.Exception}.");
        }

        var next = pair.Sender.FlushAsync(Token).AsTask();
        foreach (var expected in taken)
        {
            Assert.Equal(expected, await ReceiveBytesAsync(pair.Receiver));
        }

        await next;
    }

    /// <summary>A second receive at the same time is refused, and the first one goes on.</summary>
    [Fact(Timeout = HangTimeout)]
    public async Task Receive_WhileAnotherWaits_IsRefusedAndTheFirstGoesOn()
    {
        OnlyIfReliable();
        var pair = await OpenAsync();
        var first = pair.Receiver.ReceiveAsync(Token);
        Assert.False(first.IsCompleted, "Nothing was sent, so the receive must wait.");
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await pair.Receiver.ReceiveAsync(Token));
        Assert.Throws<InvalidOperationException>(() => pair.Receiver.TryReceive(out _));
        await pair.Sender.SendAsync("first"u8.ToArray(), Token);
        Assert.Equal("first"u8.ToArray(), Present(await first, 0).ToArray());
        await pair.Sender.SendAsync("second"u8.ToArray(), Token);
        Assert.Equal("second"u8.ToArray(), await ReceiveBytesAsync(pair.Receiver));
    }

    private static async Task<Message> ReceiveFreshAsync(IMessageChannel channel, CancellationToken cancellationToken)
    {
        while (true)
        {
            // Late copies of what was sent again are no new message of the test either.
            var message = Present(await channel.ReceiveAsync(cancellationToken), 0);
            if (channel.Characteristics.IsReliable)
            {
                return message;
            }
        }
    }
}
