namespace Transports.Testing;

// A channel sees its peer's end although nobody receives.
public abstract partial class TransportConformanceTests
{
    /// <summary>The peer closes while nobody receives: where the protocol says goodbye, Closed completes; what was sent before can be received after it.</summary>
    /// <param name="before">How many messages lie before the end.</param>
    [Theory(Timeout = HangTimeout)]
    [InlineData(0)]
    [InlineData(3)]
    public async Task Closed_PeerClosesAndNobodyReceives_Completes(int before)
    {
        OnlyIfReliable();
        var pair = await OpenAsync();
        var (closing, other) = pair.Sender.Characteristics.CarriesCloseStatus ? (pair.Sender, pair.Receiver) : (pair.Receiver, pair.Sender);
        SkipUnless(closing.Characteristics.CarriesCloseStatus, $"{Name} has no goodbye: the end of its bytes is a half-close.");
        for (var i = 0; i < before; i++)
        {
            await closing.SendAsync(BitConverter.GetBytes(i), Token);
        }

        var closed = closing.CloseAsync(ChannelCloseStatus.GoingAway, "bye", Token).AsTask();
        var end = await ClosedAsync(other);
        Assert.Equal(ChannelCloseStatus.GoingAway, end.Status);
        Assert.True(end.IsRemote);
        await Assert.ThrowsAsync<MessageChannelClosedException>(async () => await other.SendAsync("late"u8.ToArray(), Token));
        await closed;
        for (var i = 0; i < before; i++)
        {
            Assert.Equal(BitConverter.GetBytes(i), await ReceiveBytesAsync(other));
        }

        Assert.False(other.TryReceive(out _));
        await AssertFinishedAsync(other);
    }

    /// <summary>The peer's connection breaks while nobody receives: Closed completes, and what had arrived before can be received.</summary>
    /// <param name="before">How many messages had arrived.</param>
    [Theory(Timeout = HangTimeout)]
    [InlineData(0)]
    [InlineData(3)]
    public async Task Closed_PeerAbortsAndNobodyReceives_Completes(int before)
    {
        OnlyIfReliable();
        SkipUnless(DistinguishesAbortFromClose, $"{Name} does not tell an abort from a close.");
        var pair = await OpenAsync();
        for (var i = 0; i <= before; i++)
        {
            await pair.Sender.SendAsync(BitConverter.GetBytes(i), Token);
        }

        // The first one shows that the connection stands; the others are flushed, and may yet be lost with it.
        Assert.Equal(BitConverter.GetBytes(0), await ReceiveBytesAsync(pair.Receiver));
        await pair.Sender.FlushAsync(Token);
        pair.Sender.Abort();
        var end = await ClosedAsync(pair.Receiver);
        Assert.Equal(ChannelCloseStatus.ConnectionLost, end.Status);
        var error = await AssertReceiveEndsAsync(pair.Receiver);
        Assert.Equal(ChannelCloseStatus.ConnectionLost, error.CloseInfo.Status);
    }

    /// <summary>This side has completed sending and nobody receives; the peer's end then ends the channel.</summary>
    [Fact(Timeout = HangTimeout)]
    public async Task Closed_BothHaveFinishedAndNobodyReceives_Completes()
    {
        OnlyIfReliable();
        var pair = await OpenAsync();
        SkipUnless(pair.Client.Characteristics.SupportsHalfClose, $"The client of {Name} has no half-close.");
        await pair.Client.CompleteSendingAsync(Token);
        await AssertFinishedAsync(pair.Server);
        var closing = pair.Server.CloseAsync(cancellationToken: Token).AsTask();
        Assert.Equal(ChannelCloseStatus.Normal, (await ClosedAsync(pair.Client)).Status);
        await closing;
        await AssertFinishedAsync(pair.Client);
    }

    /// <summary>The peer finishes sending while nobody receives, where that is a half-close: the channel stays open, and messages go the other way.</summary>
    [Fact(Timeout = HangTimeout)]
    public async Task CompleteSending_ByThePeerAndNobodyReceives_SendingGoesOn()
    {
        OnlyIfReliable();
        var pair = await OpenAsync();
        SkipUnless(pair.Client.Characteristics.SupportsHalfClose, $"The client of {Name} has no half-close.");
        await pair.Client.SendAsync("last"u8.ToArray(), Token);
        await pair.Client.CompleteSendingAsync(Token);
        for (var i = 0; i < LastMessages; i++)
        {
            await pair.Server.SendAsync(BitConverter.GetBytes(i), Token);
            Assert.Equal(BitConverter.GetBytes(i), await ReceiveBytesAsync(pair.Client));
        }

        Assert.False(pair.Server.Closed.IsCompleted);
        Assert.Equal("last"u8.ToArray(), await ReceiveBytesAsync(pair.Server));
        await AssertFinishedAsync(pair.Server);
    }
}
