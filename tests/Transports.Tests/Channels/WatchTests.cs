namespace Transports.Tests.Channels;

/// <summary>A channel sees its peer while nobody receives.</summary>
public sealed class WatchTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Closed_ReadingFailsWhileNobodyReceives_TellsIt()
    {
        var scripted = new ScriptedChannel();
        var error = new IOException("the cable");
        scripted.Connection.FeedFailure(error);

        var info = await scripted.Channel.Closed.WaitAsync(Ct);

        info.Status.Should().Be(ChannelCloseStatus.ConnectionLost);
        info.Exception.Should().BeSameAs(error);
        await Assert.ThrowsAsync<MessageChannelClosedException>(() => scripted.Channel.SendAsync(new byte[1], Ct).AsTask());
        await scripted.DisposeAsync();
    }

    [Fact]
    public async Task Receive_LostWhileNobodyReceived_GivesWhatHadArrivedAndThenTheEnd()
    {
        var scripted = new ScriptedChannel();
        scripted.FeedMessage(1);
        scripted.FeedMessage(2, 2);
        scripted.Connection.FeedFailure(new IOException("the cable"));
        await scripted.Channel.Closed.WaitAsync(Ct);

        (await scripted.Channel.ReceiveAsync(Ct))!.Value.ToArray().Should().Equal(1);
        scripted.Channel.TryReceive(out var second).Should().BeTrue();
        second.ToArray().Should().Equal(2, 2);
        for (var i = 0; i < 3; i++)
        {
            scripted.Channel.TryReceive(out _).Should().BeFalse();
            await Assert.ThrowsAsync<MessageChannelClosedException>(() => scripted.Channel.ReceiveAsync(Ct).AsTask());
            await Assert.ThrowsAsync<MessageChannelClosedException>(() => scripted.Channel.WaitToReceiveAsync(Ct).AsTask());
        }

        await scripted.DisposeAsync();
    }

    [Fact]
    public async Task Watch_EndOfInput_IsAHalfCloseAndEndsNothing()
    {
        await using var scripted = new ScriptedChannel();
        scripted.Connection.FeedEnd();
        await scripted.Connection.ReadToTheEnd.WaitAsync(Ct);

        scripted.Channel.Closed.IsCompleted.Should().BeFalse();
        await scripted.Channel.SendAsync(new byte[1], Ct);
        (await scripted.Channel.ReceiveAsync(Ct)).Should().BeNull();
        scripted.Channel.Closed.IsCompleted.Should().BeFalse();
    }

    [Fact]
    public async Task Watch_EndOfInputAfterSendingWasCompleted_EndsTheChannel()
    {
        await using var scripted = new ScriptedChannel();
        await scripted.Channel.CompleteSendingAsync(Ct);
        scripted.Connection.FeedEnd();

        var info = await scripted.Channel.Closed.WaitAsync(Ct);

        info.Status.Should().Be(ChannelCloseStatus.Normal);
        (await scripted.Channel.ReceiveAsync(Ct)).Should().BeNull();
    }

    [Fact]
    public async Task Watch_WhileAMessageIsLent_LeavesItAndLosesNothing()
    {
        await using var scripted = new ScriptedChannel();
        scripted.FeedMessage(1, 2, 3);
        var lent = (await scripted.Channel.ReceiveAsync(Ct))!.Value;
        var before = scripted.Connection.Reads;
        for (byte i = 10; i < 20; i++)
        {
            scripted.FeedMessage(i);
        }

        await scripted.Connection.ReadAfterAsync(before + 10).WaitAsync(Ct);
        lent.Span.ToArray().Should().Equal(1, 2, 3);
        for (byte i = 10; i < 20; i++)
        {
            (await scripted.Channel.ReceiveAsync(Ct))!.Value.ToArray().Should().Equal(i);
        }
    }

    [Fact]
    public async Task Watch_AsMuchAsTheBoundHasCome_StopsReading()
    {
        await using var scripted = new ScriptedChannel(readLimit: 256);
        for (var i = 0; i < 10; i++)
        {
            scripted.FeedMessage(ScriptedChannel.Bytes((byte)i, 252));
        }

        // The bound is 1,024 bytes: four reads, and then no other.
        await scripted.Connection.ReadAfterAsync(4).WaitAsync(Ct);
        await TwoTicksAsync();
        scripted.Connection.Reads.Should().Be(4);
        scripted.Connection.IsReading.Should().BeFalse();
        for (var i = 0; i < 10; i++)
        {
            (await scripted.Channel.ReceiveAsync(Ct))!.Value.ToArray().Should().Equal(ScriptedChannel.Bytes((byte)i, 252));
        }
    }

    [Fact]
    public async Task Receive_AfterASendFailed_GivesWhatHadArrivedAndThenConnectionLost()
    {
        var scripted = new ScriptedChannel();
        for (byte i = 0; i < 40; i++)
        {
            scripted.FeedMessage(i);
        }

        scripted.Connection.FeedEnd();
        scripted.Connection.FailWrites(new IOException("reset"));
        await Assert.ThrowsAsync<MessageChannelClosedException>(async () =>
        {
            while (true)
            {
                await scripted.Channel.SendAsync(new byte[1], Ct);
            }
        });

        for (byte i = 0; i < 40; i++)
        {
            (await scripted.Channel.ReceiveAsync(Ct))!.Value.ToArray().Should().Equal(i);
        }

        // The stream ended in order, but what was sent before was lost: never a clean end.
        var end = await Assert.ThrowsAsync<MessageChannelClosedException>(() => scripted.Channel.ReceiveAsync(Ct).AsTask());
        end.CloseInfo.Status.Should().Be(ChannelCloseStatus.ConnectionLost);
        (await scripted.Channel.Closed).Status.Should().Be(ChannelCloseStatus.ConnectionLost);
        await scripted.DisposeAsync();
    }

    [Fact]
    public async Task Receive_ASendFailedAndTheInputDoesNotEnd_EndsAfterCloseTimeout()
    {
        var scripted = new ScriptedChannel(closeTimeout: TimeSpan.FromMilliseconds(50));
        scripted.Connection.FailWrites(new IOException("reset"));
        await scripted.Channel.SendAsync(new byte[1], Ct).AsTask().ContinueWith(_ => { }, TaskScheduler.Default);

        var end = await Assert.ThrowsAsync<MessageChannelClosedException>(() => scripted.Channel.ReceiveAsync(Ct).AsTask());

        end.CloseInfo.Status.Should().Be(ChannelCloseStatus.ConnectionLost);
        scripted.Connection.WasAborted.Should().BeTrue();
        await scripted.DisposeAsync();
    }

    [Fact]
    public async Task SendTimeout_ThePeerTakesNothing_EndsTheChannel()
    {
        var scripted = new ScriptedChannel(sendTimeout: TimeSpan.FromMilliseconds(100));
        scripted.FeedMessage(7);
        await scripted.FillAsync();
        var waiting = scripted.Channel.SendAsync(ScriptedChannel.Bytes(2), Ct).AsTask();

        var info = await scripted.Channel.Closed.WaitAsync(Ct);

        info.Should().Match<ChannelCloseInfo>(closed => closed.Status == ChannelCloseStatus.TimedOut && !closed.IsRemote);
        info.Description.Should().Contain("SendTimeout");
        await Assert.ThrowsAsync<MessageChannelClosedException>(() => waiting);
        await scripted.DisposeAsync();
    }

    // Nothing to wait for where nothing happens: the ticker has come by twice when a channel of its own has seen it.
    private static async Task TwoTicksAsync()
    {
        var probe = new TickProbe();
        ChannelTicker.Add(probe, TimeProvider.System);
        await probe.Ticked.WaitAsync(Ct);
        ChannelTicker.Remove(probe);
    }

    private sealed class TickProbe : ITicked
    {
        private readonly TaskCompletionSource _ticked = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _ticks;

        public Task Ticked => _ticked.Task;

        public int TickerIndex { get; set; }

        public int TickerShard { get; set; }

        public ITimer? TickerTimer { get; set; }

        public void OnTick(long now)
        {
            // The first may be under way already, past the channel that matters.
            if (++_ticks == 4)
            {
                _ticked.TrySetResult();
            }
        }
    }
}
