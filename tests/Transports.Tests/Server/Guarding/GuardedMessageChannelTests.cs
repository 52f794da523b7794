namespace Transports.Tests.Server;

public sealed class GuardedMessageChannelTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    private readonly ManualTimeProvider _time = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Receive_NoFirstMessage_ClosesAsTimedOut(bool byWait)
    {
        await using var pair = await MemoryPair.OpenAsync();
        await using var channel = Guard(pair.Server, new() { FirstMessageTimeout = TimeSpan.FromSeconds(5) });
        var receiving = byWait ? channel.WaitToReceiveAsync(Token).AsTask() : (Task)channel.ReceiveAsync(Token).AsTask();

        Tick(4);
        channel.Closed.IsCompleted.Should().BeFalse();
        Tick(1);

        (await channel.Closed.WaitAsync(Token)).Should().Match<ChannelCloseInfo>(info => info.Status == ChannelCloseStatus.TimedOut && !info.IsRemote);
        await receiving.Awaiting(r => r).Should().ThrowAsync<MessageChannelClosedException>();
        (await pair.Client.Closed.WaitAsync(Token)).Status.Should().Be(ChannelCloseStatus.TimedOut);
    }

    [Fact]
    public async Task Receive_FirstMessageCame_OnlyIdlenessEndsIt()
    {
        await using var pair = await MemoryPair.OpenAsync();
        await using var channel = Guard(pair.Server, new() { FirstMessageTimeout = TimeSpan.FromSeconds(5), IdleTimeout = TimeSpan.FromSeconds(20) });
        await pair.Client.SendAsync("hello"u8.ToArray(), Token);
        (await channel.ReceiveAsync(Token)).Should().NotBeNull();
        var receiving = channel.ReceiveAsync(Token).AsTask();

        Tick(20);
        channel.Closed.IsCompleted.Should().BeFalse();
        Tick(2);

        (await channel.Closed.WaitAsync(Token)).Status.Should().Be(ChannelCloseStatus.TimedOut);
        await receiving.Awaiting(r => r).Should().ThrowAsync<MessageChannelClosedException>();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Receive_MessagesPassOneWay_KeepItOpen(bool sends)
    {
        await using var pair = await MemoryPair.OpenAsync();
        await using var channel = Guard(pair.Server, new() { FirstMessageTimeout = Timeout.InfiniteTimeSpan, IdleTimeout = TimeSpan.FromSeconds(5) });
        var receiving = channel.ReceiveAsync(Token).AsTask();
        for (var i = 0; i < 5; i++)
        {
            Tick(4);
            if (sends)
            {
                await channel.SendAsync("news"u8.ToArray(), Token);
            }
            else
            {
                await pair.Client.SendAsync("asks"u8.ToArray(), Token);
                (await receiving).Should().NotBeNull();
                receiving = channel.ReceiveAsync(Token).AsTask();
            }
        }

        channel.Closed.IsCompleted.Should().BeFalse();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task TrySend_OnlyWhatFindsRoom_KeepsItOpen(bool isRead)
    {
        await using var pair = await MemoryPair.OpenAsync();
        await using var channel = Guard(pair.Server, new() { FirstMessageTimeout = Timeout.InfiniteTimeSpan, IdleTimeout = TimeSpan.FromSeconds(5) });
        var receiving = channel.ReceiveAsync(Token).AsTask();
        var news = new byte[1000];
        while (!isRead && channel.TrySend(news))
        {
        }

        for (var i = 0; i < 5; i++)
        {
            Tick(4);
            if (channel.Closed.IsCompleted)
            {
                break;
            }

            channel.TrySend(news).Should().Be(isRead);
            if (isRead)
            {
                await pair.Client.ReceiveAsync(Token);
            }
        }

        channel.Closed.IsCompleted.Should().Be(!isRead);
        if (isRead)
        {
            await channel.CloseAsync(cancellationToken: Token);
        }

        await receiving.WaitAsync(Token).Awaiting(r => r).Should().ThrowAsync<MessageChannelClosedException>();
    }

    [Fact]
    public async Task NoReceive_HandlerIsBusy_PeerIsNotBlamed()
    {
        await using var pair = await MemoryPair.OpenAsync();
        await using var channel = Guard(pair.Server, new() { FirstMessageTimeout = Second, IdleTimeout = Second });
        await pair.Client.SendAsync("waiting"u8.ToArray(), Token);
        Tick(60);

        (await channel.ReceiveAsync(Token))!.Value.GetText().Should().Be("waiting");
        channel.Closed.IsCompleted.Should().BeFalse();
    }

    [Fact]
    public async Task TryReceive_FindsNothingForTooLong_ClosesAsTimedOut()
    {
        await using var pair = await MemoryPair.OpenAsync();
        await using var channel = Guard(pair.Server, new() { FirstMessageTimeout = TimeSpan.FromSeconds(3) });
        for (var i = 0; i < 4; i++)
        {
            channel.TryReceive(out _).Should().BeFalse();
            Tick(1);
        }

        (await channel.Closed.WaitAsync(Token)).Status.Should().Be(ChannelCloseStatus.TimedOut);
    }

    [Fact]
    public async Task TryReceive_FindsMessages_CountsThem()
    {
        await using var pair = await MemoryPair.OpenAsync();
        await using var channel = Guard(pair.Server, new() { FirstMessageTimeout = TimeSpan.FromSeconds(3) });
        await pair.Client.SendAsync("first"u8.ToArray(), Token);
        channel.TryReceive(out var message).Should().BeTrue();
        message.GetText().Should().Be("first");
        for (var i = 0; i < 10; i++)
        {
            channel.TryReceive(out _).Should().BeFalse();
            Tick(1);
        }

        channel.Closed.IsCompleted.Should().BeFalse();
    }

    [Fact]
    public async Task Receive_TimeoutsAreInfinite_StaysOpen()
    {
        await using var pair = await MemoryPair.OpenAsync();
        await using var channel = Guard(pair.Server, new() { FirstMessageTimeout = Timeout.InfiniteTimeSpan, IdleTimeout = Timeout.InfiniteTimeSpan });
        var receiving = channel.ReceiveAsync(Token).AsTask();

        for (var i = 0; i < 5; i++)
        {
            _time.Advance(TimeSpan.FromHours(1));
        }

        receiving.IsCompleted.Should().BeFalse();
        await pair.Client.SendAsync("late"u8.ToArray(), Token);
        (await receiving).Should().NotBeNull();
    }

    [Fact]
    public async Task Channel_Guarded_PassesEverythingElseOn()
    {
        await using var pair = await MemoryPair.OpenAsync();
        await using var channel = Guard(pair.Server, new());

        await channel.SendAsync(new[] { Message.FromText("one"), Message.FromText("two") }, Token);
        await channel.FlushAsync(Token);
        (await pair.Client.ReceiveAsync(Token))!.Value.GetText().Should().Be("one");
        (await pair.Client.ReceiveAsync(Token))!.Value.GetText().Should().Be("two");
        await pair.Client.CloseAsync(ChannelCloseStatus.Normal, null, Token);

        (await channel.WaitToReceiveAsync(Token)).Should().BeFalse();
        (await channel.ReceiveAsync(Token)).Should().BeNull();
        channel.Id.Should().Be(pair.Server.Id);
    }

    private static IMessageChannel Take(ConnectionGuard guard, IMessageChannel channel)
    {
        guard.TryGuard(channel, out var guarded, out _).Should().BeTrue();
        return guarded!;
    }

    private IMessageChannel Guard(IMessageChannel channel, ConnectionGuardOptions options) => Take(new ConnectionGuard(options, timeProvider: _time), channel);

    private void Tick(int seconds)
    {
        for (var i = 0; i < seconds; i++)
        {
            _time.Advance(Second);
        }
    }
}
