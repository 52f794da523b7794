namespace Transports.Tests.Server;

public sealed class MessageServerGuardTests
{
    private readonly MemoryTransport _transport = new();
    private readonly ScriptedListener _listener = new();
    private readonly Uri _address = new("mem://guarded");

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Accept_GuardIsFull_TellsThePeerAndServesOthersLater()
    {
        var guard = new ConnectionGuard(new() { MaxChannels = 1 });
        await using var server = new MessageServer(new MessageChannelFactory([_transport]), _address, EchoAsync, new() { Guard = guard, MaxChannels = 2 });
        await server.StartAsync(Token);
        await using var first = await _transport.ConnectAsync(_address, Token);
        await RoundTripAsync(first);

        // One that is refused takes no slot of the server's own bound.
        for (var i = 0; i < 3; i++)
        {
            await using var refused = await _transport.ConnectAsync(_address, Token);
            var end = await refused.Closed.WaitAsync(Token);
            end.Status.Should().Be(ChannelCloseStatus.PolicyViolation);
            end.Description.Should().Contain("Try again later");
        }

        await first.CloseAsync(ChannelCloseStatus.Normal, null, Token);

        // The place is free when the server has disposed the channel, which the peer cannot see.
        IMessageChannel third;
        do
        {
            third = await _transport.ConnectAsync(_address, Token);
        }
        while (!await TryRoundTripAsync(third));

        await third.DisposeAsync();
    }

    [Fact]
    public async Task Accept_OneAddressHasTooMany_OthersAreServed()
    {
        var guard = new ConnectionGuard(new() { MaxChannelsPerAddress = 1 });
        await using var server = new MessageServer(_listener, EchoAsync, new() { Guard = guard });
        await server.StartAsync(Token);
        await using var first = await ArriveAsync("tcp://192.0.2.1:1000");
        await RoundTripAsync(first);
        await using var second = await ArriveAsync("tcp://192.0.2.1:1001");
        await using var other = await ArriveAsync("tcp://192.0.2.2:1000");

        (await second.Closed.WaitAsync(Token)).Status.Should().Be(ChannelCloseStatus.PolicyViolation);
        await RoundTripAsync(other);
        server.ChannelCount.Should().Be(2);
    }

    [Fact]
    public async Task Stop_WithAGuard_LeavesNoPlaceTaken()
    {
        var guard = new ConnectionGuard();
        var server = new MessageServer(new MessageChannelFactory([_transport]), _address, EchoAsync, new() { Guard = guard });
        await server.StartAsync(Token);
        await using var client = await _transport.ConnectAsync(_address, Token);
        await RoundTripAsync(client);
        guard.ChannelCount.Should().Be(1);

        await server.StopAsync(Token);

        guard.ChannelCount.Should().Be(0);
    }

    [Fact]
    public async Task Serve_SilentPeer_IsClosedWithoutAnError()
    {
        var time = new ManualTimeProvider();
        var logger = new ListLogger();
        var receiving = new TaskCompletionSource();
        var guard = new ConnectionGuard(new() { FirstMessageTimeout = TimeSpan.FromSeconds(2) }, null, logger, time);
        await using var server = new MessageServer(
            _listener,
            async (channel, stopping) =>
            {
                var message = channel.ReceiveAsync(stopping);
                receiving.SetResult();
                await message;
            },
            new() { Guard = guard },
            logger);
        await server.StartAsync(Token);
        await using var client = await ArriveAsync("tcp://192.0.2.1:1000");
        await receiving.Task.WaitAsync(Token);

        for (var i = 0; i < 3; i++)
        {
            time.Advance(TimeSpan.FromSeconds(1));
        }

        (await client.Closed.WaitAsync(Token)).Status.Should().Be(ChannelCloseStatus.TimedOut);
        await logger.WhenLoggedAsync(1106, Token);
        logger.Lines.Should().Contain(line => line.Id == 1113).And.NotContain(line => line.Id == 1104);
    }

    [Fact]
    public async Task Refuse_ManyWhoseCloseGoesOn_TheRestIsAborted()
    {
        var refused = new RefusedChannels(new ListLogger());
        var closed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var stuck = new List<MemoryPair>();
        for (var i = 0; i < 64; i++)
        {
            var pair = await MemoryPair.OpenAsync();
            stuck.Add(pair);
            refused.Refuse(new SlowlyClosing(pair.Server, closed.Task), "Full.");
        }

        await using var last = await MemoryPair.OpenAsync();
        refused.Refuse(last.Server, "Full.");

        (await last.Client.Closed.WaitAsync(Token)).Status.Should().Be(ChannelCloseStatus.ConnectionLost);
        refused.WhenEmptyAsync().IsCompleted.Should().BeFalse();
        closed.SetResult();
        await refused.WhenEmptyAsync().WaitAsync(Token);
        foreach (var pair in stuck)
        {
            (await pair.Client.Closed.WaitAsync(Token)).Status.Should().Be(ChannelCloseStatus.PolicyViolation);
            await pair.DisposeAsync();
        }
    }

    private static async Task EchoAsync(IMessageChannel channel, CancellationToken stopping)
    {
        while (await channel.ReceiveAsync(stopping) is { } message)
        {
            await channel.SendAsync(message, stopping);
        }
    }

    private static async Task RoundTripAsync(IMessageChannel channel) => (await TryRoundTripAsync(channel)).Should().BeTrue();

    private static async Task<bool> TryRoundTripAsync(IMessageChannel channel)
    {
        try
        {
            await channel.SendAsync("hello"u8.ToArray(), Token);
            return await channel.ReceiveAsync(Token) is not null;
        }
        catch (MessageChannelClosedException)
        {
            await channel.DisposeAsync();
            return false;
        }
    }

    private async Task<IMessageChannel> ArriveAsync(string from)
    {
        var pair = await MemoryPair.OpenAsync();
        _listener.Give(new ChannelFrom(pair.Server, new Uri(from)));
        return pair.Client;
    }

    private sealed class ChannelFrom(IMessageChannel inner, Uri remoteAddress) : DelegatingMessageChannel(inner)
    {
        public override Uri? RemoteAddress => remoteAddress;
    }

    private sealed class SlowlyClosing(IMessageChannel inner, Task gate) : DelegatingMessageChannel(inner)
    {
        public override async ValueTask CloseAsync(ChannelCloseStatus status = ChannelCloseStatus.Normal, string? description = null, CancellationToken cancellationToken = default)
        {
            await gate;
            await base.CloseAsync(status, description, cancellationToken);
        }
    }
}
