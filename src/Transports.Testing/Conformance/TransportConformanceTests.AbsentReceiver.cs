namespace Transports;

// A channel sees its peer's end although nobody receives.
public abstract partial class TransportConformanceTests
{
    /// <summary>The peer finishes sending while nobody receives, where that is a half-close: the channel stays open, and messages go the other way.</summary>
    [Fact(Timeout = HangTimeout)]
    public async Task CompleteSending_ByThePeerAndNobodyReceives_SendingGoesOn()
    {
        OnlyIfReliable();
        const int LastMessages = 40;
        var pair = await OpenAsync();
        OnlyIf(pair.Client.Characteristics.SupportsHalfClose, $"The client of {Name} has no half-close.");
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
