namespace Transports.Testing;

// The graceful ends of both directions: close and dispose.
public abstract partial class TransportConformanceTests
{
    /// <summary>What was sent before a close arrives, and then the peer's clean end; both sides end with Normal.</summary>
    /// <param name="closeSender">Whether the closing side is the one that has sent, rather than received.</param>
    [Theory(Timeout = HangTimeout)]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Close_Normal_OtherSideReadsAllAndThenNull(bool closeSender)
    {
        OnlyIfReliable();
        SkipUnless(closeSender || Promised.Direction == ChannelDirection.Bidirectional, $"{Name} carries messages one way only.");
        const int Count = 500;
        var pair = await OpenAsync();
        var (closing, other) = closeSender ? (pair.Sender, pair.Receiver) : (pair.Receiver, pair.Sender);
        var plan = new MessagePlan(Seed, 8192);
        var receiving = Task.Run(() => ReceivePlannedAsync(other, plan, 0, Count), Token);
        await SendPlannedAsync(closing, plan, 0, Count);
        await closing.CloseAsync(cancellationToken: Token);
        var own = await ClosedAsync(closing);
        Assert.Equal(ChannelCloseStatus.Normal, own.Status);
        Assert.False(own.IsRemote);
        await receiving;
        await AssertFinishedAsync(other);
        await AssertFinishedAsync(other);
        await other.CloseAsync(cancellationToken: Token);
        var remote = await ClosedAsync(other);
        Assert.Equal(ChannelCloseStatus.Normal, remote.Status);
        Assert.True(remote.IsRemote, "The peer closed first, so the end is the peer's.");
    }

    /// <summary>Status and description reach the other side where the transport carries them.</summary>
    /// <param name="status">The status.</param>
    [Theory(Timeout = HangTimeout)]
    [InlineData(ChannelCloseStatus.Normal)]
    [InlineData(ChannelCloseStatus.GoingAway)]
    [InlineData(ChannelCloseStatus.PolicyViolation)]
    [InlineData(ChannelCloseStatus.InternalError)]
    public async Task Close_WithStatusAndDescription_ReachTheOtherSide(ChannelCloseStatus status)
    {
        OnlyIfReliable();
        var pair = await OpenAsync();

        // In some protocols only one of the two sides can say why.
        var (sender, receiver) = pair.Sender.Characteristics.CarriesCloseStatus || !pair.Receiver.Characteristics.CarriesCloseStatus
            ? (pair.Sender, pair.Receiver)
            : (pair.Receiver, pair.Sender);
        SkipUnless(sender.Characteristics.CarriesCloseStatus, $"{Name} carries no close status.");
        await sender.SendAsync("last"u8.ToArray(), Token);
        var closing = sender.CloseAsync(status, "that is why", Token).AsTask();
        Assert.Equal("last"u8.ToArray(), await ReceiveBytesAsync(receiver));
        if (status is ChannelCloseStatus.Normal or ChannelCloseStatus.GoingAway)
        {
            await AssertFinishedAsync(receiver);
        }
        else
        {
            var error = await AssertReceiveEndsAsync(receiver);
            Assert.Equal(status, error.CloseInfo.Status);
        }

        var end = await ClosedAsync(receiver);
        Assert.Equal(status, end.Status);
        Assert.Equal("that is why", end.Description);
        Assert.True(end.IsRemote);
        await closing;
        var own = await ClosedAsync(sender);
        Assert.Equal(status, own.Status);
        Assert.False(own.IsRemote);
    }

    /// <summary>Close while sends wait for room: those that completed arrive, the others fail; none is reported as sent and dropped.</summary>
    [Fact(Timeout = HangTimeout)]
    public async Task Close_WhileSendsWait_EverySendThatCompletedArrives()
    {
        OnlyIfReliable();
        await SendsThatCompletedArriveAsync(static channel => channel.CloseAsync(cancellationToken: Token).AsTask());
    }

    /// <summary>A close ends this side's waiting receive with MessageChannelClosedException.</summary>
    [Fact(Timeout = HangTimeout)]
    public async Task Close_WhileReceiving_EndsTheReceive()
    {
        var pair = await OpenAsync();
        var receiving = pair.Receiver.ReceiveAsync(Token).AsTask();
        while (!pair.Receiver.Characteristics.IsReliable && receiving.IsCompleted)
        {
            await receiving;
            receiving = pair.Receiver.ReceiveAsync(Token).AsTask();
        }

        await pair.Receiver.CloseAsync(cancellationToken: Token);
        await Assert.ThrowsAsync<MessageChannelClosedException>(() => receiving);
    }

    /// <summary>After a close every call says that the channel has ended; closing, aborting and disposing again change nothing.</summary>
    [Fact(Timeout = HangTimeout)]
    public async Task Close_ThenAnyCall_SaysClosedAndTheFirstEndStays()
    {
        var pair = await OpenAsync();
        var channel = pair.Sender;
        await channel.CloseAsync(ChannelCloseStatus.GoingAway, "first", Token);
        var end = await ClosedAsync(channel);
        await Assert.ThrowsAsync<MessageChannelClosedException>(async () => await channel.SendAsync("late"u8.ToArray(), Token));
        await Assert.ThrowsAsync<MessageChannelClosedException>(async () => await channel.SendAsync(new Message[] { "late"u8.ToArray() }, Token));
        await Assert.ThrowsAsync<MessageChannelClosedException>(async () => await channel.FlushAsync(Token));
        if (channel.Characteristics.Direction == ChannelDirection.Bidirectional)
        {
            await Assert.ThrowsAsync<MessageChannelClosedException>(async () => await channel.ReceiveAsync(Token));
            Assert.False(channel.TryReceive(out _));
        }

        if (channel.Characteristics.SupportsHalfClose)
        {
            await Assert.ThrowsAsync<MessageChannelClosedException>(async () => await channel.CompleteSendingAsync(Token));
        }

        await channel.CloseAsync(ChannelCloseStatus.InternalError, "second", Token);
        channel.Abort(new InvalidOperationException("too late"));
        await channel.DisposeAsync();
        await channel.DisposeAsync();
        channel.Abort();
        await channel.CloseAsync(cancellationToken: Token);
        Assert.Same(end, await ClosedAsync(channel));
        Assert.Equal(ChannelCloseStatus.GoingAway, end.Status);
        Assert.Equal("first", end.Description);
        Assert.False(end.IsRemote);
    }

    /// <summary>Both sides close at the same moment, while they receive: both are closed in order, and it is not so that each is told that the other did it.</summary>
    [Fact(Timeout = HangTimeout)]
    public async Task Close_ByBothSidesAtOnce_IsNotThePeersDoingOnBoth()
    {
        OnlyIfReliable();
        var listener = await ListenAsync();
        for (var round = 0; round < RaceIterations; round++)
        {
            var pair = await ConnectAsync(listener);
            var receiving = new[] { pair.Client, pair.Server }
                .Where(static channel => channel.Characteristics.Direction != ChannelDirection.UnidirectionalSend)
                .Select(static channel => Task.Run(() => ReceiveToTheEndAsync(channel), Token))
                .ToList();
            await Task.WhenAll(
                Task.Run(() => pair.Client.CloseAsync(cancellationToken: Token).AsTask(), Token),
                Task.Run(() => pair.Server.CloseAsync(cancellationToken: Token).AsTask(), Token));
            await Task.WhenAll(receiving);
            var client = await ClosedAsync(pair.Client);
            var server = await ClosedAsync(pair.Server);
            Assert.Equal(ChannelCloseStatus.Normal, client.Status);
            Assert.Equal(ChannelCloseStatus.Normal, server.Status);
            Assert.False(client.IsRemote && server.IsRemote, "Both closed, and each is told that the other did.");
        }

        static async Task ReceiveToTheEndAsync(IMessageChannel channel)
        {
            try
            {
                while (await channel.ReceiveAsync(Token) is not null)
                {
                }
            }
            catch (MessageChannelClosedException)
            {
                // This side was first.
            }
        }
    }

    /// <summary>Close, abort and dispose by many threads at once: all complete, and the channel has one end.</summary>
    [Fact(Timeout = HangTimeout)]
    public async Task Close_ManyAtOnceWithAbortsAndDisposes_AllCompleteWithOneEnd()
    {
        var listener = await ListenAsync();
        for (var round = 0; round < RaceIterations; round++)
        {
            var pair = await ConnectAsync(listener);
            var withAbort = round % 2 == 0;
            var ends = new Func<Task>[]
            {
                () => pair.Client.CloseAsync(cancellationToken: Token).AsTask(),
                () => pair.Client.CloseAsync(ChannelCloseStatus.GoingAway, "other", Token).AsTask(),
                () => pair.Client.DisposeAsync().AsTask(),
                () => pair.Client.DisposeAsync().AsTask(),
                () =>
                {
                    if (withAbort)
                    {
                        pair.Client.Abort();
                    }

                    return Task.CompletedTask;
                },
                () => pair.Server.CloseAsync(cancellationToken: Token).AsTask(),
                () => pair.Server.DisposeAsync().AsTask(),
            };
            await Task.WhenAll(ends.Select(end => Task.Run(end, Token))).WaitAsync(Token);
            await pair.Client.DisposeAsync();
            await pair.Server.DisposeAsync();
            await Task.WhenAll(ClosedAsync(pair.Client), ClosedAsync(pair.Server));
        }
    }

    /// <summary>A close whose token is cancelled aborts the channel.</summary>
    [Fact(Timeout = HangTimeout)]
    public async Task Close_CancelledWhileFull_AbortsTheChannel()
    {
        OnlyIfReliable();
        var pair = await OpenAsync(client: Small(ChannelSide.Client), server: Small(ChannelSide.Server));
        await FillAsync(pair.Sender, SmallBuffer);
        using var giveUp = new CancellationTokenSource();
        var closing = pair.Sender.CloseAsync(cancellationToken: giveUp.Token).AsTask();
        await giveUp.CancelAsync();
        var error = await Record.ExceptionAsync(() => closing);
        if (error is not null)
        {
            Assert.IsAssignableFrom<OperationCanceledException>(error);
            Assert.Equal(ChannelCloseStatus.Aborted, (await ClosedAsync(pair.Sender)).Status);
        }
    }

    /// <summary>A close that the peer does not let finish ends after the close timeout, by an abort.</summary>
    [Fact(Timeout = HangTimeout)]
    public async Task Close_WhileFullAndNobodyReads_EndsAfterTheCloseTimeout()
    {
        OnlyIfReliable();
        var pair = await OpenAsync(client: Hasty(ChannelSide.Client), server: Hasty(ChannelSide.Server));
        SkipUnless(ReferenceEquals(pair.Sender, pair.Client), $"The client of {Name} does not send.");
        await FillAsync(pair.Client, SmallBuffer);
        await pair.Client.DisposeAsync();
        var end = await ClosedAsync(pair.Client);

        // Where all that was accepted lies in the kernel's buffers already, the close has nothing to wait for.
        Assert.True(end.Status is ChannelCloseStatus.TimedOut or ChannelCloseStatus.Normal, $"The close ended with {end}.");

        ConformanceOptions Hasty(ChannelSide side) => new(side, Pool)
        {
            SendBufferSize = SmallBuffer,
            ReceiveBufferSize = SmallBuffer,
            MaxMessageSize = SmallBuffer,
            CloseTimeout = TimeSpan.FromMilliseconds(100),
        };
    }

    /// <summary>Dispose at any moment while both sides send and receive: every call ends soon, and what the end says is true.</summary>
    [Fact(Timeout = HangTimeout)]
    public async Task Dispose_WhileSendingAndReceiving_EverythingEndsAndNothingSentIsLost()
    {
        OnlyIfReliable();
        OnlyIfBidirectional();
        var listener = await ListenAsync();
        var random = new Random(Seed);
        for (var round = 0; round < RaceIterations; round++)
        {
            var pair = await ConnectAsync(listener);
            var stopAfter = random.Next(1, 400);
            var sent = 0;
            var enough = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            var sending = Task.Run(() => SendUntilClosedAsync(pair.Client, () => Interlocked.Increment(ref sent)), Token);
            var sendingBack = Task.Run(() => SendUntilClosedAsync(pair.Server, () => 0), Token);
            var receiving = Task.Run(() => CountUntilEndAsync(pair.Server, count => SignalAt(count, stopAfter, enough)), Token);
            var receivingBack = Task.Run(() => CountUntilEndAsync(pair.Client, static _ => { }), Token);
            await enough.Task.WaitAsync(Token);
            await Task.WhenAll(pair.Client.DisposeAsync().AsTask(), pair.Client.DisposeAsync().AsTask());
            await sending;
            await receivingBack;
            var (received, end) = await receiving;
            await pair.Server.DisposeAsync();
            await sendingBack;
            Assert.True(
                end is null,
                $"Dispose is a graceful close, and nothing hindered it: the peer should read to the end, but got {end}{Environment.NewLine}The disposed side ended with {await ClosedAsync(pair.Client)}");
            Assert.Equal(sent, received);
        }

        static void SignalAt(int count, int stopAfter, TaskCompletionSource enough)
        {
            if (count == stopAfter)
            {
                enough.SetResult();
            }
        }
    }

    /// <summary>Closed completes once, with the same end for everybody, and Id, addresses and characteristics stay readable after it.</summary>
    [Fact(Timeout = HangTimeout)]
    public async Task Closed_AskedByMany_CompletesOnceWithTheSameEnd()
    {
        var pair = await OpenAsync();
        var asked = Enumerable.Range(0, 10).Select(_ => ClosedAsync(pair.Client)).ToArray();
        Assert.All(asked, static task => Assert.False(task.IsCompleted));
        await pair.Client.CloseAsync(cancellationToken: Token);
        var ends = await Task.WhenAll(asked);
        Assert.All(ends, end => Assert.Same(ends[0], end));
        Assert.Same(ends[0], await pair.Client.Closed);
        var id = pair.Client.Id;
        await pair.Client.DisposeAsync();
        Assert.Equal(id, pair.Client.Id);
        _ = pair.Client.LocalAddress;
        _ = pair.Client.RemoteAddress;
        Assert.True(pair.Client.Characteristics.MaxMessageSize > 0);
    }

    private static async Task SendUntilClosedAsync(IMessageChannel channel, Func<int> sent)
    {
        var message = new byte[700];
        while (true)
        {
            try
            {
                await channel.SendAsync(message, Token);
                sent();
            }
            catch (MessageChannelClosedException)
            {
                return;
            }
        }
    }

    private static async Task<(int Count, Exception? End)> CountUntilEndAsync(IMessageChannel channel, Action<int> counted)
    {
        var count = 0;
        try
        {
            while (await channel.ReceiveAsync(Token) is { } message)
            {
                Assert.Equal(700, message.Length);
                counted(++count);
            }

            return (count, null);
        }
        catch (MessageChannelClosedException e)
        {
            return (count, e);
        }
    }

    // Fills the channel, queues more sends, ends sending, and only then reads: what arrives must be what said that it was sent.
    private async Task SendsThatCompletedArriveAsync(Func<IMessageChannel, Task> end)
    {
        const int Waiting = 40;
        var pair = await OpenAsync(client: Small(ChannelSide.Client), server: Small(ChannelSide.Server));
        var taken = await FillAsync(pair.Sender, SmallBuffer);
        var waiting = Enumerable.Range(0, Waiting).Select(i => pair.Sender.SendAsync(Payload(i), Token).AsTask()).ToArray();
        var ending = end(pair.Sender);
        foreach (var expected in taken)
        {
            Assert.Equal(expected, await ReceiveBytesAsync(pair.Receiver));
        }

        var arrived = new List<byte[]>();
        while (await pair.Receiver.ReceiveAsync(Token) is { } message)
        {
            arrived.Add(message.ToArray());
        }

        await ending;
        var sent = new List<byte[]>();
        for (var i = 0; i < Waiting; i++)
        {
            try
            {
                await waiting[i];
                sent.Add(Payload(i));
            }
            catch (MessageChannelClosedException)
            {
            }
            catch (InvalidOperationException)
            {
                // Sending was completed first.
            }
        }

        Assert.Equal(sent, arrived);

        static byte[] Payload(int i)
        {
            var payload = new byte[SmallBuffer - 1000];
            payload.AsSpan().Fill((byte)i);
            return payload;
        }
    }
}
