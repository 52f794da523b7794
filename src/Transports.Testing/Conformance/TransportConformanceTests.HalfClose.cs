namespace Transports.Testing;

// The graceful end of one direction.
public abstract partial class TransportConformanceTests
{
    /// <summary>Half-close, one side and then the other: each reads what was sent before, then null, and can send until it has finished too.</summary>
    /// <param name="clientFirst">Whether the connecting side finishes first.</param>
    [Theory(Timeout = HangTimeout)]
    [InlineData(true)]
    [InlineData(false)]
    public async Task CompleteSending_OneSideThenTheOther_EachReadsAllAndThenNull(bool clientFirst)
    {
        OnlyIfReliable();
        const int Count = 300;
        var pair = await OpenAsync();
        var (first, second) = clientFirst ? (pair.Client, pair.Server) : (pair.Server, pair.Client);

        // The channel is asked, not the transport: in some protocols only one of the two sides can.
        SkipUnless(first.Characteristics.SupportsHalfClose, $"This side of {Name} has no half-close.");
        var plan = new MessagePlan(Seed, 8192);
        await SendPlannedAsync(first, plan, 0, Count);
        await first.CompleteSendingAsync(Token);
        await first.CompleteSendingAsync(Token);
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await first.SendAsync("late"u8.ToArray(), Token));
        await ReceivePlannedAsync(second, plan, 0, Count);
        await AssertFinishedAsync(second);
        await AssertFinishedAsync(second);
        Assert.False(second.TryReceive(out _));

        await SendPlannedAsync(second, plan, Count, Count);
        await ReceivePlannedAsync(first, plan, Count, Count);
        await (second.Characteristics.SupportsHalfClose ? second.CompleteSendingAsync(Token) : second.CloseAsync(cancellationToken: Token));
        await AssertFinishedAsync(first);
        await Task.WhenAll(first.CloseAsync(cancellationToken: Token).AsTask(), second.CloseAsync(cancellationToken: Token).AsTask());
        Assert.Equal(ChannelCloseStatus.Normal, (await ClosedAsync(first)).Status);
        Assert.Equal(ChannelCloseStatus.Normal, (await ClosedAsync(second)).Status);
    }

    /// <summary>Half-close while sends wait for room: those that completed arrive, then null; none is reported as sent and dropped.</summary>
    [Fact(Timeout = HangTimeout)]
    public async Task CompleteSending_WhileSendsWait_EverySendThatCompletedArrives()
    {
        OnlyIfReliable();
        SkipUnless((await OpenAsync()).Sender.Characteristics.SupportsHalfClose, $"{Name} has no half-close.");
        await SendsThatCompletedArriveAsync(static channel => channel.CompleteSendingAsync(Token).AsTask());
    }

    /// <summary>Where there is no half-close, the call says so and harms nothing.</summary>
    [Fact(Timeout = HangTimeout)]
    public async Task CompleteSending_NotSupported_SaysSoAndTheChannelGoesOn()
    {
        var pair = await OpenAsync();
        var (sender, receiver) = pair.Sender.Characteristics.SupportsHalfClose && pair.Receiver.Characteristics.Direction == ChannelDirection.Bidirectional
            ? (pair.Receiver, pair.Sender)
            : (pair.Sender, pair.Receiver);
        SkipUnless(!sender.Characteristics.SupportsHalfClose, $"{Name} has half-close.");
        await Assert.ThrowsAsync<NotSupportedException>(async () => await sender.CompleteSendingAsync(Token));
        Assert.Equal("sent"u8.ToArray(), (await DeliverAsync(sender, receiver, "sent"u8.ToArray())).ToArray());
    }
}
