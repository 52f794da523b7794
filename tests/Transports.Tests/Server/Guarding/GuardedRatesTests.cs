namespace Transports.Tests.Server;

/// <summary>How fast a guarded channel lets its peer send, and how slowly it may read.</summary>
public sealed class GuardedRatesTests
{
    private readonly ManualTimeProvider _time = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Receive_TooManyMessages_WaitForTheirTime(bool byWait)
    {
        await using var pair = await MemoryPair.OpenAsync();
        await using var channel = Guard(pair.Server, new() { MaxMessagesPerSecond = 2 });
        await SendAsync(pair.Client, 4);
        (await channel.ReceiveAsync(Token))!.Value.GetText().Should().Be("0");
        (await channel.ReceiveAsync(Token))!.Value.GetText().Should().Be("1");

        for (var i = 2; i < 4; i++)
        {
            channel.TryReceive(out _).Should().BeFalse();
            var receiving = byWait ? WaitAsync(channel) : TextAsync(channel);
            await _time.WhenTimerDueInAsync(TimeSpan.FromSeconds(0.5), Token);
            receiving.IsCompleted.Should().BeFalse();
            _time.Advance(TimeSpan.FromSeconds(0.5));
            (await receiving.WaitAsync(Token)).Should().Be($"{i}");
        }
    }

    [Fact]
    public async Task Receive_MessageOverTheBytesOfASecond_IsTakenWholeAndTheNextWaitsLonger()
    {
        await using var pair = await MemoryPair.OpenAsync();
        await using var channel = Guard(pair.Server, new() { MaxBytesPerSecond = 1000 });
        await pair.Client.SendAsync(new byte[3500], Token);
        await pair.Client.SendAsync("next"u8.ToArray(), Token);
        (await channel.ReceiveAsync(Token))!.Value.Length.Should().Be(3500);

        var receiving = TextAsync(channel);

        await _time.WhenTimerDueInAsync(TimeSpan.FromSeconds(2.5), Token);
        _time.Advance(TimeSpan.FromSeconds(2.5));
        (await receiving.WaitAsync(Token)).Should().Be("next");
    }

    [Fact]
    public async Task Receive_CancelledWhileItPauses_LosesNothing()
    {
        await using var pair = await MemoryPair.OpenAsync();
        await using var channel = Guard(pair.Server, new() { MaxMessagesPerSecond = 1 });
        await SendAsync(pair.Client, 2);
        (await channel.ReceiveAsync(Token))!.Value.GetText().Should().Be("0");
        using var cancel = new CancellationTokenSource();
        var receiving = channel.ReceiveAsync(cancel.Token).AsTask();

        await cancel.CancelAsync();

        (await receiving.Awaiting(r => r).Should().ThrowAsync<OperationCanceledException>()).Which.CancellationToken.Should().Be(cancel.Token);
        _time.Advance(TimeSpan.FromSeconds(1));
        (await channel.ReceiveAsync(Token))!.Value.GetText().Should().Be("1");
    }

    [Fact]
    public async Task Receive_AnotherPauses_IsRefused()
    {
        await using var pair = await MemoryPair.OpenAsync();
        await using var channel = Guard(pair.Server, new() { MaxMessagesPerSecond = 1 });
        await SendAsync(pair.Client, 2);
        (await channel.ReceiveAsync(Token)).Should().NotBeNull();
        var receiving = TextAsync(channel);

        await channel.Awaiting(c => c.ReceiveAsync(Token).AsTask()).Should().ThrowAsync<InvalidOperationException>();
        channel.Invoking(c => c.TryReceive(out _)).Should().Throw<InvalidOperationException>();

        _time.Advance(TimeSpan.FromSeconds(1));
        (await receiving.WaitAsync(Token)).Should().Be("1");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Receive_ChannelEndsWhileItPauses_TellsWithoutDelay(bool peerCloses)
    {
        await using var pair = await MemoryPair.OpenAsync();
        await using var channel = Guard(pair.Server, new() { MaxMessagesPerSecond = 1 });
        await SendAsync(pair.Client, 2);
        (await channel.ReceiveAsync(Token)).Should().NotBeNull();
        var receiving = TextAsync(channel);
        if (!peerCloses)
        {
            await channel.CloseAsync(ChannelCloseStatus.Normal, null, Token);
            await receiving.Awaiting(r => r.WaitAsync(Token)).Should().ThrowAsync<MessageChannelClosedException>();
            return;
        }

        await pair.Client.CloseAsync(ChannelCloseStatus.Normal, null, Token);

        (await receiving.WaitAsync(Token)).Should().Be("1");
        (await channel.ReceiveAsync(Token)).Should().BeNull();
    }

    [Fact]
    public async Task Send_PeerTakesNothing_ClosesAsTimedOut()
    {
        await using var pair = await MemoryPair.OpenAsync(new MemoryTransportOptions { SendBufferSize = 1024, CloseTimeout = TimeSpan.FromMilliseconds(1) });
        await using var channel = Guard(pair.Server, new() { SlowReaderTimeout = TimeSpan.FromSeconds(5) });
        var sending = await FillAsync(channel);

        Tick(5);
        channel.Closed.IsCompleted.Should().BeFalse();
        Tick(1);

        (await channel.Closed.WaitAsync(Token)).Status.Should().Be(ChannelCloseStatus.TimedOut);
        await sending.Awaiting(s => s).Should().ThrowAsync<MessageChannelClosedException>();
    }

    [Fact]
    public async Task Send_PeerTakesSomeNowAndThen_IsNotCut()
    {
        await using var pair = await MemoryPair.OpenAsync(new MemoryTransportOptions { SendBufferSize = 1024 });
        await using var channel = Guard(pair.Server, new() { SlowReaderTimeout = TimeSpan.FromSeconds(5), FirstMessageTimeout = Timeout.InfiniteTimeSpan });
        var waiting = await FillAsync(channel);
        for (var i = 0; i < 4; i++)
        {
            // A buffer has room for one of them, so that one always waits.
            var next = channel.SendAsync(new byte[1000], Token).AsTask();
            Tick(4);
            (await pair.Client.ReceiveAsync(Token)).Should().NotBeNull();
            await waiting.WaitAsync(Token);
            next.IsCompleted.Should().BeFalse();
            waiting = next;
        }

        channel.Closed.IsCompleted.Should().BeFalse();
    }

    private static async Task<string> TextAsync(IMessageChannel channel) => (await channel.ReceiveAsync(Token))!.Value.GetText();

    // What waits for a message finds it with the next look.
    private static async Task<string> WaitAsync(IMessageChannel channel)
    {
        (await channel.WaitToReceiveAsync(Token)).Should().BeTrue();
        channel.TryReceive(out var message).Should().BeTrue();
        return message.GetText();
    }

    private static async Task SendAsync(IMessageChannel channel, int count)
    {
        for (var i = 0; i < count; i++)
        {
            await channel.SendAsync(Message.FromText($"{i}"), Token);
        }
    }

    // Until the buffers are full: the send that waits. So little that no send is made to complete through the pool.
    private static async Task<Task> FillAsync(IMessageChannel channel)
    {
        while (true)
        {
            var sending = channel.SendAsync(new byte[1000], Token).AsTask();
            if (!sending.IsCompleted)
            {
                return sending;
            }

            await sending;
        }
    }

    private IMessageChannel Guard(IMessageChannel channel, ConnectionGuardOptions options)
    {
        new ConnectionGuard(options, timeProvider: _time).TryGuard(channel, out var guarded, out _).Should().BeTrue();
        return guarded!;
    }

    private void Tick(int seconds)
    {
        for (var i = 0; i < seconds; i++)
        {
            _time.Advance(TimeSpan.FromSeconds(1));
        }
    }
}
