namespace Transports.Tests.Server;

public sealed class MessageServerTests
{
    private static readonly Uri Address = new("mem://served");

    private readonly MemoryTransport _transport = new();
    private readonly MessageChannelFactory _factory;

    public MessageServerTests() => _factory = new MessageChannelFactory([_transport]);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task StartAsync_Echo_ServesChannels()
    {
        await using var server = new MessageServer(_factory, Address, EchoAsync);
        server.LocalAddress.Should().BeNull();
        await server.StartAsync(Token);
        server.LocalAddress.Should().Be(Address);
        await using var client = await _transport.ConnectAsync(Address, Token);

        await client.SendAsync("hello"u8.ToArray(), Token);

        (await client.ReceiveAsync(Token))!.Value.GetText().Should().Be("hello");
        server.ChannelCount.Should().Be(1);
    }

    [Fact]
    public async Task StartAsync_Twice_IsRefused()
    {
        await using var server = new MessageServer(_factory, Address, EchoAsync);
        await server.StartAsync(Token);

        await server.Invoking(s => s.StartAsync(Token)).Should().ThrowAsync<InvalidOperationException>();
    }

    [Fact]
    public async Task StartAsync_NameInUse_CanBeStartedLater()
    {
        var blocker = await _transport.ListenAsync(Address, Token);
        await using var server = new MessageServer(_factory, Address, EchoAsync);
        await server.Invoking(s => s.StartAsync(Token)).Should().ThrowAsync<TransportException>();
        await blocker.DisposeAsync();

        await server.StartAsync(Token);

        server.IsAccepting.Should().BeTrue();
    }

    [Fact]
    public async Task Accept_FailsAgainAndAgain_PausesLongerUpToTheBoundAndGoesOn()
    {
        var time = new ManualTimeProvider();
        var listener = new ScriptedListener();
        var logger = new ListLogger();
        var served = new TaskCompletionSource();
        await using var server = new MessageServer(
            listener,
            (_, _) =>
            {
                served.TrySetResult();
                return Task.CompletedTask;
            },
            new MessageServerOptions { AcceptRetryDelay = TimeSpan.FromSeconds(1), MaxAcceptRetryDelay = TimeSpan.FromSeconds(3), TimeProvider = time },
            logger);
        await server.StartAsync(Token);

        foreach (var pause in new[] { 1, 2, 3, 3 })
        {
            listener.Fail(new TransportException("no descriptors"));
            await time.WhenTimerDueInAsync(TimeSpan.FromSeconds(pause), Token);
            var accepts = listener.Accepts;
            time.Advance(TimeSpan.FromSeconds(pause) - TimeSpan.FromTicks(1));
            listener.Accepts.Should().Be(accepts);
            time.Advance(TimeSpan.FromTicks(1));
        }

        await using var pair = await MemoryPair.OpenAsync();
        listener.Give(pair.Server);
        await served.Task.WaitAsync(Token);

        // A success starts the pauses over.
        listener.Fail(new TransportException("once more"));
        await time.WhenTimerDueInAsync(TimeSpan.FromSeconds(1), Token);
        logger.Lines.Count(line => line.Id == 1102).Should().Be(5);
    }

    [Fact]
    public async Task Accept_ListenerDisposedUnderIt_FaultsCompletion()
    {
        var listener = new ScriptedListener();
        await using var server = new MessageServer(listener, EchoAsync);
        await server.StartAsync(Token);

        listener.Fail(new ObjectDisposedException("listener"));

        await server.Invoking(s => s.Completion).Should().ThrowAsync<ObjectDisposedException>();
    }

    [Fact]
    public async Task Accept_ListenerStopped_CompletesTheServer()
    {
        var listener = await _transport.ListenAsync(Address, Token);
        await using var server = new MessageServer(listener, EchoAsync);
        await server.StartAsync(Token);

        await listener.StopAcceptingAsync(Token);

        await server.Completion.WaitAsync(Token);
    }

    [Fact]
    public async Task Accept_AtMaxChannels_WaitsUntilOneEnds()
    {
        var listener = new ScriptedListener();
        var logger = new ListLogger();
        var release = new TaskCompletionSource();
        var second = new TaskCompletionSource();
        await using var one = await MemoryPair.OpenAsync();
        await using var two = await MemoryPair.OpenAsync();
        await using var server = new MessageServer(
            listener,
            (channel, _) =>
            {
                if (ReferenceEquals(channel, one.Server))
                {
                    return release.Task;
                }

                second.SetResult();
                return Task.CompletedTask;
            },
            new MessageServerOptions { MaxChannels = 1 },
            logger);
        listener.Give(one.Server);
        listener.Give(two.Server);
        await server.StartAsync(Token);

        await logger.WhenLoggedAsync(1103, Token);
        listener.Accepts.Should().Be(1);
        server.ChannelCount.Should().Be(1);
        release.SetResult();

        await second.Task.WaitAsync(Token);
        listener.Accepts.Should().BeGreaterThanOrEqualTo(2);
    }

    [Fact]
    public async Task Handler_Throws_ClosesAsInternalErrorWithoutDetailsAndServesOthers()
    {
        var logger = new ListLogger();
        await using var server = new MessageServer(
            _factory,
            Address,
            async (channel, stoppingToken) =>
            {
                if ((await channel.ReceiveAsync(stoppingToken))!.Value.GetText() == "bad")
                {
                    throw new FormatException("secret");
                }

                await channel.SendAsync("fine"u8.ToArray(), stoppingToken);
            },
            loggerFactory: logger);
        await server.StartAsync(Token);
        await using var bad = await _transport.ConnectAsync(Address, Token);
        await using var good = await _transport.ConnectAsync(Address, Token);

        await bad.SendAsync("bad"u8.ToArray(), Token);
        var end = await bad.Closed.WaitAsync(Token);
        await good.SendAsync("good"u8.ToArray(), Token);

        end.Status.Should().Be(ChannelCloseStatus.InternalError);
        end.Description.Should().NotContain("secret");
        (await good.ReceiveAsync(Token))!.Value.GetText().Should().Be("fine");
        (await good.ReceiveAsync(Token)).Should().BeNull();
        logger.Lines.Should().ContainSingle(line => line.Id == 1104);
    }

    [Fact]
    public async Task Handler_PeerLeaves_IsNoError()
    {
        var logger = new ListLogger();
        await using var server = new MessageServer(_factory, Address, EchoAsync, loggerFactory: logger);
        await server.StartAsync(Token);
        await using var client = await _transport.ConnectAsync(Address, Token);

        client.Abort();

        await logger.WhenLoggedAsync(1106, Token);
        logger.Lines.Should().NotContain(line => line.Id == 1104);
    }

    [Fact]
    public async Task StopAsync_Graceful_StopsAcceptingThenSignalsThenWaits()
    {
        var order = new List<string>();
        var finish = new TaskCompletionSource();
        var signalled = new TaskCompletionSource();
        var entered = new TaskCompletionSource();
        var listener = new ScriptedListener { OnStop = () => order.Add("stop accepting") };
        await using var pair = await MemoryPair.OpenAsync();
        listener.Give(pair.Server);
        var server = new MessageServer(listener, async (_, stoppingToken) =>
        {
            using var registration = stoppingToken.Register(() =>
            {
                order.Add("signal");
                signalled.SetResult();
            });
            entered.SetResult();
            await finish.Task;
            order.Add("handler ends");
        });
        await server.StartAsync(Token);
        await entered.Task.WaitAsync(Token);

        var stopping = server.StopAsync(Token);
        await signalled.Task.WaitAsync(Token);
        server.IsAccepting.Should().BeFalse();
        stopping.IsCompleted.Should().BeFalse();
        finish.SetResult();
        await stopping;

        order.Should().Equal("stop accepting", "signal", "handler ends");
        listener.Disposed.Should().BeTrue();
        server.ChannelCount.Should().Be(0);
        (await pair.Client.Closed.WaitAsync(Token)).Status.Should().Be(ChannelCloseStatus.Normal);
        server.Completion.IsCompletedSuccessfully.Should().BeTrue();
    }

    [Fact]
    public async Task StopAsync_HandlerWatchesTheToken_ClosesAsGoingAway()
    {
        await using var server = new MessageServer(_factory, Address, EchoAsync);
        await server.StartAsync(Token);
        await using var client = await _transport.ConnectAsync(Address, Token);
        await client.SendAsync(new byte[1], Token);
        await client.ReceiveAsync(Token);

        await server.StopAsync(Token);

        (await client.ReceiveAsync(Token)).Should().BeNull();
        (await client.Closed).Status.Should().Be(ChannelCloseStatus.GoingAway);
        await _transport.Invoking(async t => await t.ConnectAsync(Address, Token)).Should().ThrowAsync<TransportException>();
    }

    [Fact]
    public async Task StopAsync_HandlerIgnoresTheToken_ChannelIsClosedAsGoingAwayAtTheTimeout()
    {
        var time = new ManualTimeProvider();
        var entered = new TaskCompletionSource();
        await using var server = new MessageServer(
            _factory,
            Address,
            async (channel, _) =>
            {
                entered.SetResult();
                await channel.ReceiveAsync(CancellationToken.None);
            },
            new MessageServerOptions { ShutdownTimeout = TimeSpan.FromSeconds(7), TimeProvider = time });
        await server.StartAsync(Token);
        await using var client = await _transport.ConnectAsync(Address, Token);
        await entered.Task.WaitAsync(Token);

        var stopping = server.StopAsync(Token);
        await time.WhenTimerDueInAsync(TimeSpan.FromSeconds(7), Token);
        client.Closed.IsCompleted.Should().BeFalse();
        time.Advance(TimeSpan.FromSeconds(7));
        await stopping;

        (await client.Closed.WaitAsync(Token)).Status.Should().Be(ChannelCloseStatus.GoingAway);
    }

    [Fact]
    public async Task StopAsync_HandlersCodeBlocksInsideTheEnd_GoesOnWithoutIt()
    {
        var time = new ManualTimeProvider();
        var logger = new ListLogger();
        using var release = new ManualResetEventSlim();
        var listener = new ScriptedListener();
        await using var one = await MemoryPair.OpenAsync();
        await using var two = await MemoryPair.OpenAsync();
        var entered = new CountdownEvent(2);
        var ended = new TaskCompletionSource();
        listener.Give(new BlockingEndChannel(one.Server, release));
        listener.Give(new BlockingEndChannel(two.Server, release));
        var server = new MessageServer(
            listener,
            (_, _) =>
            {
                entered.Signal();
                return ended.Task;
            },
            new MessageServerOptions { ShutdownTimeout = TimeSpan.FromSeconds(7), TimeProvider = time },
            logger);
        await server.StartAsync(Token);
        entered.Wait(Token);

        var stopping = server.StopAsync(Token);
        foreach (var seconds in new[] { 7, 1, 1 })
        {
            await time.WhenTimerDueInAsync(TimeSpan.FromSeconds(seconds), Token);
            time.Advance(TimeSpan.FromSeconds(seconds));
        }

        await stopping.WaitAsync(Token);

        logger.Lines.Should().ContainSingle(line => line.Id == 1108);
        release.Set();
        ended.SetResult();
    }

    [Fact]
    public async Task Handler_ThrowsWithoutALogger_IsToldOnStandardErrorOnce()
    {
        var before = Console.Error;
        using var text = new StringWriter();
        Console.SetError(TextWriter.Synchronized(text));
        try
        {
            await using var server = new MessageServer(_factory, Address, (_, _) => throw new FormatException("no such order"));
            await server.StartAsync(Token);
            for (var i = 0; i < 2; i++)
            {
                await using var client = await _transport.ConnectAsync(Address, Token);
                await client.Closed.WaitAsync(Token);
            }

            await server.StopAsync(Token);
        }
        finally
        {
            Console.SetError(before);
        }

        text.ToString().Split("no such order").Should().HaveCount(2);
        text.ToString().Should().Contain("loggerFactory");
    }

    [Fact]
    public async Task StopAsync_TokenCancelled_AbortsAtOnce()
    {
        var time = new ManualTimeProvider();
        var entered = new TaskCompletionSource();
        await using var server = new MessageServer(
            _factory,
            Address,
            async (channel, _) =>
            {
                entered.SetResult();
                await channel.ReceiveAsync(CancellationToken.None);
            },
            new MessageServerOptions { TimeProvider = time });
        await server.StartAsync(Token);
        await using var client = await _transport.ConnectAsync(Address, Token);
        await entered.Task.WaitAsync(Token);

        await server.StopAsync(new CancellationToken(canceled: true));

        server.ChannelCount.Should().Be(0);
    }

    [Fact]
    public void Validate_MaxRetryDelayBelowTheFirst_NamesTheOption()
    {
        var act = () => new MessageServer(_factory, Address, EchoAsync, new MessageServerOptions { MaxAcceptRetryDelay = TimeSpan.FromMilliseconds(1) });

        act.Should().Throw<ArgumentOutOfRangeException>().WithMessage("*MaxAcceptRetryDelay*AcceptRetryDelay*");
    }

    private static async Task EchoAsync(IMessageChannel channel, CancellationToken stoppingToken)
    {
        while (await channel.ReceiveAsync(stoppingToken) is { } message)
        {
            await channel.SendAsync(message, stoppingToken);
        }
    }
}
