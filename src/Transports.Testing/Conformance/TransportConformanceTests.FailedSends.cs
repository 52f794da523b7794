namespace Transports.Testing;

// A send that fails ends sending, and takes nothing of what has arrived.
public abstract partial class TransportConformanceTests
{
    /// <summary>The peer sends and goes; this side sends on until a send fails, and only then receives: all that had arrived, and then the end.</summary>
    [Fact(Timeout = HangTimeout)]
    public async Task Receive_AfterASendHasFailed_GetsAllThatHadArrived()
    {
        OnlyIfReliable();
        OnlyIfBidirectional();
        SkipUnless(!OperatingSystem.IsWindows(), "Windows discards what it has received when the peer resets the connection.");
        const int Rounds = 5;
        var listener = await ListenAsync(Hasty(ChannelSide.Server));
        for (var round = 0; round < Rounds; round++)
        {
            var pair = await ConnectAsync(listener, Hasty(ChannelSide.Client));
            for (var i = 0; i < LastMessages; i++)
            {
                await pair.Server.SendAsync(BitConverter.GetBytes(i), Token);
            }

            await pair.Server.FlushAsync(Token);
            await pair.Server.DisposeAsync();
            await SendUntilClosedAsync(pair.Client, static () => 0);

            // Not false: there will never be room again.
            Assert.Throws<MessageChannelClosedException>(() => pair.Client.TrySend("late"u8.ToArray()));
            for (var i = 0; i < LastMessages; i++)
            {
                Assert.Equal(BitConverter.GetBytes(i), await ReceiveBytesAsync(pair.Client));
            }

            Assert.False(pair.Client.TryReceive(out _));
            try
            {
                await AssertFinishedAsync(pair.Client);
            }
            catch (MessageChannelClosedException e)
            {
                // The peer's end may have been read before the reset, or not.
                Assert.Equal(ChannelCloseStatus.ConnectionLost, e.CloseInfo.Status);
            }

            await pair.Client.DisposeAsync();
        }

        ConformanceOptions Hasty(ChannelSide side) => new(side, Pool) { CloseTimeout = TimeSpan.FromMilliseconds(200) };
    }

    /// <summary>A side closes, for whichever reason, while the other sends and has received nothing yet: all that was accepted is received, and then the end.</summary>
    /// <param name="status">The status it closes with.</param>
    [Theory(Timeout = HangTimeout)]
    [InlineData(ChannelCloseStatus.Normal)]
    [InlineData(ChannelCloseStatus.InternalError)]
    public async Task Close_BeforeTheOtherSideReceives_AllThatWasAcceptedArrives(ChannelCloseStatus status)
    {
        OnlyIfReliable();
        OnlyIfBidirectional();
        const int Rounds = 10;
        var listener = await ListenAsync();
        for (var round = 0; round < Rounds; round++)
        {
            var pair = await ConnectAsync(listener);
            var sendingBack = Task.Run(() => SendUntilClosedAsync(pair.Client, static () => 0), Token);
            for (var i = 0; i < LastMessages; i++)
            {
                await pair.Server.SendAsync(new byte[700], Token);
            }

            var closing = pair.Server.CloseAsync(status, "the last word", Token).AsTask();
            var (received, _) = await CountUntilEndAsync(pair.Client, static _ => { });
            Assert.Equal(LastMessages, received);
            await pair.Client.CloseAsync(cancellationToken: Token);
            await closing;
            await sendingBack;
            await pair.Client.DisposeAsync();
            await pair.Server.DisposeAsync();
        }
    }
}
