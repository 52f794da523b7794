namespace Transports.Testing.Tests;

public sealed class FaultyMessageChannelTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact(Timeout = 30_000)]
    public async Task Send_NoFaults_PassesEverythingOn()
    {
        var (first, second) = Wire.CreateChannels();
        await using var faulty = first.WithFaults(new ChannelFaultOptions());
        await using (second)
        {
            await faulty.SendAsync("one"u8.ToArray(), Token);
            await faulty.SendAsync(new Message[] { "two"u8.ToArray(), "three"u8.ToArray() }, Token);
            await faulty.CompleteSendingAsync(Token);
            (await ReceiveAllAsync(second)).Should().Equal("one", "two", "three");
            faulty.Characteristics.IsReliable.Should().BeTrue();
            faulty.GetFeature<FramedMessageChannel>().Should().BeSameAs(first);
        }
    }

    [Fact(Timeout = 30_000)]
    public async Task TrySend_WithADelay_HasNoRoomUntilTheChannelEnds()
    {
        var (first, second) = Wire.CreateChannels();
        await using var faulty = first.WithFaults(new ChannelFaultOptions { Delay = TimeSpan.FromMinutes(1) });
        await using (second)
        {
            faulty.TrySend("now").Should().BeFalse();
            faulty.Abort();
            faulty.Invoking(static f => f.TrySend("now")).Should().Throw<MessageChannelClosedException>();
        }
    }

    [Fact(Timeout = 30_000)]
    public async Task TrySend_SameSeed_DropsTheSameMessages()
    {
        var runs = new List<List<string>>();
        foreach (var seed in new[] { 7, 7, 8 })
        {
            var (first, second) = Wire.CreateChannels();
            await using var faulty = first.WithFaults(new ChannelFaultOptions { Seed = seed, DropProbability = 0.5 });
            await using (second)
            {
                for (var i = 0; i < 100; i++)
                {
                    faulty.TrySend($"{i}").Should().BeTrue();
                }

                await faulty.CompleteSendingAsync(Token);
                runs.Add(await ReceiveAllAsync(second));
            }
        }

        runs[0].Should().HaveCountGreaterThan(20).And.HaveCountLessThan(80).And.Equal(runs[1]).And.NotEqual(runs[2]);
    }

    [Fact(Timeout = 30_000)]
    public async Task Send_Drops_SameSeedDropsTheSameMessages()
    {
        var runs = new List<List<string>>();
        foreach (var seed in new[] { 7, 7, 8 })
        {
            var (first, second) = Wire.CreateChannels();
            await using var faulty = first.WithFaults(new ChannelFaultOptions { Seed = seed, DropProbability = 0.5 });
            await using (second)
            {
                faulty.Characteristics.IsReliable.Should().BeFalse();
                await SendNumbersAsync(faulty, 100);
                await faulty.CompleteSendingAsync(Token);
                runs.Add(await ReceiveAllAsync(second));
            }
        }

        runs[0].Should().HaveCountGreaterThan(20).And.HaveCountLessThan(80).And.Equal(runs[1]).And.NotEqual(runs[2]);
        runs[0].Select(int.Parse).Should().BeInAscendingOrder();
    }

    [Fact(Timeout = 30_000)]
    public async Task Send_Fails_ExactlyThoseThatDidNotFailArrive()
    {
        var (first, second) = Wire.CreateChannels();
        await using var faulty = first.WithFaults(new ChannelFaultOptions { Seed = 1, FailSendProbability = 0.3 });
        await using (second)
        {
            var sent = new List<string>();
            for (var i = 0; i < 100; i++)
            {
                try
                {
                    await faulty.SendAsync(Message.FromText(i.ToString()), Token);
                    sent.Add(i.ToString());
                }
                catch (TransportException)
                {
                }
            }

            await faulty.CompleteSendingAsync(Token);
            sent.Should().HaveCountLessThan(100);
            (await ReceiveAllAsync(second)).Should().Equal(sent);
        }
    }

    [Fact(Timeout = 30_000)]
    public async Task Send_CutAfterThree_FourthGetsClosed()
    {
        var (first, second) = Wire.CreateChannels();
        await using var faulty = first.WithFaults(new ChannelFaultOptions { CutAfterMessages = 3 });
        await using (second)
        {
            await SendNumbersAsync(faulty, 3);
            var fourth = async () => await faulty.SendAsync("4"u8.ToArray(), Token);
            await fourth.Should().ThrowAsync<MessageChannelClosedException>();
            (await faulty.Closed).Status.Should().Be(ChannelCloseStatus.Aborted);
            var reading = () => ReceiveAllAsync(second);
            (await reading.Should().ThrowAsync<MessageChannelClosedException>()).Which.CloseInfo.Status.Should().Be(ChannelCloseStatus.ConnectionLost);
        }
    }

    [Fact(Timeout = 30_000)]
    public async Task Send_Delayed_ArrivesWhenTheClockSaysSoAndInOrder()
    {
        var time = new StepTimeProvider();
        var (first, second) = Wire.CreateChannels();
        await using var faulty = first.WithFaults(new ChannelFaultOptions { Delay = TimeSpan.FromSeconds(5), TimeProvider = time });
        await using (second)
        {
            var sends = Enumerable.Range(0, 3).Select(i => faulty.SendAsync(Message.FromText(i.ToString()), Token).AsTask()).ToArray();
            var receiving = second.ReceiveAsync(Token).AsTask();
            for (var i = 0; i < 3; i++)
            {
                await time.TimerSetAsync().WaitAsync(Token);
                receiving.IsCompleted.Should().BeFalse();
                time.FireNext().Should().Be(TimeSpan.FromSeconds(5));
                (await receiving)!.Value.GetText().Should().Be(i.ToString());
                receiving = second.ReceiveAsync(Token).AsTask();
            }

            await Task.WhenAll(sends);
            await faulty.CompleteSendingAsync(Token);
            (await receiving).Should().BeNull();
        }
    }

    [Fact(Timeout = 30_000)]
    public async Task Send_CancelledWhileDelayed_WasNotSent()
    {
        var (first, second) = Wire.CreateChannels();
        await using var faulty = first.WithFaults(new ChannelFaultOptions { Delay = TimeSpan.FromSeconds(5), TimeProvider = new StepTimeProvider() });
        await using (second)
        {
            using var giveUp = new CancellationTokenSource();
            var send = faulty.SendAsync("never"u8.ToArray(), giveUp.Token).AsTask();
            await giveUp.CancelAsync();
            var sending = () => send;
            await sending.Should().ThrowAsync<OperationCanceledException>();
            await faulty.CompleteSendingAsync(Token);
            (await second.ReceiveAsync(Token)).Should().BeNull();
        }
    }

    [Theory]
    [InlineData(-0.1)]
    [InlineData(1.1)]
    [InlineData(double.NaN)]
    public void WithFaults_NoShare_IsRefused(double share)
    {
        var (first, _) = Wire.CreateChannels();
        var wrapping = () => first.WithFaults(new ChannelFaultOptions { DropProbability = share });
        wrapping.Should().Throw<ArgumentOutOfRangeException>().WithMessage("*DropProbability must be from 0 to 1*");
    }

    private static async Task SendNumbersAsync(IMessageChannel channel, int count)
    {
        for (var i = 0; i < count; i++)
        {
            await channel.SendAsync(Message.FromText(i.ToString()), Token);
        }
    }

    private static async Task<List<string>> ReceiveAllAsync(IMessageChannel channel)
    {
        var all = new List<string>();
        while (await channel.ReceiveAsync(Token) is { } message)
        {
            all.Add(message.GetText());
        }

        return all;
    }
}
