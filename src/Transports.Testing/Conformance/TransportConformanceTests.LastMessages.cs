namespace Transports.Testing;

// What a side has sent before it closes arrives, whatever the other side is doing meanwhile.
public abstract partial class TransportConformanceTests
{
    private const int LastMessages = 40;

    /// <summary>One side sends and closes while the other is sending too, and receiving: all that was accepted arrives, and then the end with its status.</summary>
    /// <param name="status">The status it closes with.</param>
    [Theory(Timeout = HangTimeout)]
    [InlineData(ChannelCloseStatus.Normal)]
    [InlineData(ChannelCloseStatus.GoingAway)]
    [InlineData(ChannelCloseStatus.PolicyViolation)]
    [InlineData(ChannelCloseStatus.InternalError)]
    public async Task Close_WhileTheOtherSideSends_AllThatWasAcceptedArrives(ChannelCloseStatus status)
    {
        OnlyIfReliable();
        OnlyIfBidirectional();
        var listener = await ListenAsync();
        for (var round = 0; round < Math.Min(RaceIterations, 20); round++)
        {
            var pair = await ConnectAsync(listener);
            var (closing, other) = round % 2 == 0 ? (pair.Server, pair.Client) : (pair.Client, pair.Server);
            var sendingBack = Task.Run(() => SendUntilClosedAsync(other, static () => 0), Token);
            var receiving = Task.Run(
                async () =>
                {
                    var all = await CountUntilEndAsync(other, static _ => { });

                    // Where the end may be a half-close, the one that closes waits for ours.
                    await other.CloseAsync(cancellationToken: Token);
                    return all;
                },
                Token);
            for (var i = 0; i < LastMessages; i++)
            {
                await closing.SendAsync(new byte[700], Token);
            }

            await closing.CloseAsync(status, "the last word", Token);
            var (received, end) = await receiving;
            await sendingBack;
            Assert.Equal(LastMessages, received);
            Assert.Equal(status, (await ClosedAsync(closing)).Status);
            if (closing.Characteristics.CarriesCloseStatus)
            {
                Assert.Equal(status, (await ClosedAsync(other)).Status);
                Assert.Equal(status is ChannelCloseStatus.Normal or ChannelCloseStatus.GoingAway, end is null);
            }

            await closing.DisposeAsync();
            await other.DisposeAsync();
        }
    }

    /// <summary>A large last message and an orderly close: the other side reads all and null, and both sides end as Normal.</summary>
    [Fact(Timeout = HangTimeout)]
    public async Task Close_BehindLargeMessages_BothSidesEndInOrder()
    {
        OnlyIfReliable();
        const int Size = 60_000;
        const int Count = 4;
        var listener = await ListenAsync();
        for (var round = 0; round < RaceIterations; round++)
        {
            var pair = await ConnectAsync(listener);
            var receiving = Task.Run(
                async () =>
                {
                    for (var i = 0; i < Count; i++)
                    {
                        Assert.Equal(Size, (await ReceiveBytesAsync(pair.Receiver)).Length);
                    }

                    await AssertFinishedAsync(pair.Receiver);
                    await pair.Receiver.DisposeAsync();
                },
                Token);
            for (var i = 0; i < Count; i++)
            {
                await pair.Sender.SendAsync(new byte[Size], Token);
            }

            await pair.Sender.CloseAsync(cancellationToken: Token);
            await receiving;
            var own = await ClosedAsync(pair.Sender);
            Assert.True(own is { Status: ChannelCloseStatus.Normal, IsRemote: false }, $"The side that closed gracefully ended as {own}.");
            Assert.Equal(ChannelCloseStatus.Normal, (await ClosedAsync(pair.Receiver)).Status);
            await pair.Sender.DisposeAsync();
        }
    }

    /// <summary>A second half-close waits for the first.</summary>
    [Fact(Timeout = HangTimeout)]
    public async Task CompleteSending_WhileAnotherWaits_WaitsForItToo()
    {
        OnlyIfReliable();
        var pair = await OpenAsync(client: Small(ChannelSide.Client), server: Small(ChannelSide.Server));
        SkipUnless(pair.Sender.Characteristics.SupportsHalfClose, $"{Name} has no half-close.");
        var taken = await FillAsync(pair.Sender, SmallBuffer);
        var first = pair.Sender.CompleteSendingAsync(Token).AsTask();
        var second = pair.Sender.CompleteSendingAsync(Token).AsTask();

        // In this order: whatever completes between the two looks counts for both.
        var secondIsDone = second.IsCompleted;
        Assert.True(first.IsCompleted || !secondIsDone, "The second half-close has completed while the first still waits for what was accepted.");
        foreach (var expected in taken)
        {
            Assert.Equal(expected, await ReceiveBytesAsync(pair.Receiver));
        }

        await AssertFinishedAsync(pair.Receiver);
        await Task.WhenAll(first, second);
    }

    /// <summary>Nobody receives and the peer is gone: a side that only sends learns of it.</summary>
    /// <param name="abort">Whether the peer aborts, rather than closes.</param>
    [Theory(Timeout = HangTimeout)]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Send_PeerIsGoneAndNobodyReceives_Ends(bool abort)
    {
        OnlyIfReliable();
        var pair = await OpenAsync(server: Hasty(ChannelSide.Server), client: Hasty(ChannelSide.Client));
        if (abort)
        {
            pair.Receiver.Abort();
        }

        await pair.Receiver.DisposeAsync();
        await SendUntilClosedAsync(pair.Sender, static () => 0);
        await ClosedAsync(pair.Sender);

        ConformanceOptions Hasty(ChannelSide side) => new(side, Pool) { CloseTimeout = TimeSpan.FromMilliseconds(200) };
    }
}
