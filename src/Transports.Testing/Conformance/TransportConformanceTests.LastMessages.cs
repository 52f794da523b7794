namespace Transports;

// The last messages of one side, and the other side's, when one of them goes.
public abstract partial class TransportConformanceTests
{
    private const int LastMessages = 40;

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
