using System.Collections.Concurrent;

namespace Transports.Testing;

// Listening, connecting, and what a channel says of itself.
public abstract partial class TransportConformanceTests
{
    /// <summary>What a channel says of itself agrees with its transport and its limits.</summary>
    [Fact(Timeout = HangTimeout)]
    public async Task Open_Channels_SayWhoTheyAre()
    {
        const int Limit = 1000;
        var listener = await ListenAsync(new ConformanceOptions(ChannelSide.Server, Pool) { MaxMessageSize = Limit });
        var channels = new List<IMessageChannel>();
        for (var i = 0; i < 5; i++)
        {
            var pair = await ConnectAsync(listener, new ConformanceOptions(ChannelSide.Client, Pool) { MaxMessageSize = Limit });
            Assert.Contains(listener.LocalAddress.Scheme, Transport.Schemes);
            Assert.Equal(listener.LocalAddress.Scheme, pair.Client.RemoteAddress?.Scheme);
            Assert.Equal(listener.LocalAddress.Port, pair.Client.RemoteAddress?.Port);
            Assert.Equal(pair.Client.RemoteAddress?.UserInfo, "");
            channels.AddRange([pair.Client, pair.Server]);
        }

        Assert.All(channels, static channel => Assert.False(string.IsNullOrWhiteSpace(channel.Id)));
        Assert.Distinct(channels.Select(static channel => channel.Id));
        Assert.All(channels, static channel => Assert.True(channel.Characteristics.MaxMessageSize <= Limit));
        Assert.All(channels, channel => Assert.Equal(Promised.IsReliable, channel.Characteristics.IsReliable));
        Assert.All(channels, channel => Assert.Equal(Promised.IsOrdered, channel.Characteristics.IsOrdered));
        Assert.All(channels, static channel => Assert.Same(channel, channel.GetFeature<IMessageChannel>()));
        Assert.All(channels, static channel => Assert.Null(channel.GetFeature<TransportConformanceTests>()));
    }

    /// <summary>A cancelled accept loses no peer.</summary>
    [Fact(Timeout = HangTimeout)]
    public async Task Accept_Cancelled_NextOneGetsThePeer()
    {
        var listener = await ListenAsync();
        for (var i = 0; i < 10; i++)
        {
            using var giveUp = new CancellationTokenSource();
            var accepting = listener.AcceptAsync(giveUp.Token).AsTask();
            await giveUp.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => accepting);
        }

        var pair = await ConnectAsync(listener);
        Assert.Equal("sent"u8.ToArray(), (await DeliverAsync(pair.Sender, pair.Receiver, "sent"u8.ToArray())).ToArray());
    }

    /// <summary>Stopping ends a waiting accept with null; accepted channels go on; new peers are refused.</summary>
    [Fact(Timeout = HangTimeout)]
    public async Task StopAccepting_WhileAccepting_EndsItAndAcceptedChannelsGoOn()
    {
        OnlyIfReliable();
        var pair = await OpenAsync();
        var accepting = pair.Listener.AcceptAsync(Token).AsTask();
        await pair.Listener.StopAcceptingAsync(Token);
        Assert.Null(await accepting);
        Assert.Null(await pair.Listener.AcceptAsync(Token));
        await pair.Listener.StopAcceptingAsync(Token);
        await pair.Sender.SendAsync("goes on"u8.ToArray(), Token);
        Assert.Equal("goes on"u8.ToArray(), await ReceiveBytesAsync(pair.Receiver));
        await Assert.ThrowsAnyAsync<TransportException>(async () => Own(await CreateClient().ConnectAsync(GetConnectAddress(pair.Listener), Token)));
        await pair.Listener.DisposeAsync();
        await pair.Listener.DisposeAsync();
        await pair.Sender.SendAsync("still"u8.ToArray(), Token);
        Assert.Equal("still"u8.ToArray(), await ReceiveBytesAsync(pair.Receiver));
    }

    /// <summary>A connect whose token is cancelled opens nothing.</summary>
    [Fact(Timeout = HangTimeout)]
    public async Task Connect_Cancelled_OpensNothing()
    {
        var listener = await ListenAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            async () => Own(await CreateClient().ConnectAsync(GetConnectAddress(listener), new CancellationToken(canceled: true))));
    }

    /// <summary>An address of another scheme is refused at once.</summary>
    [Fact(Timeout = HangTimeout)]
    public async Task ConnectAndListen_ForeignScheme_AreRefused()
    {
        var foreign = new Uri("foreign-scheme://localhost:1");
        await Assert.ThrowsAnyAsync<ArgumentException>(async () => Own(await CreateClient().ConnectAsync(foreign, Token)));
        await Assert.ThrowsAnyAsync<ArgumentException>(async () => Own(await ((IServerTransport)Transport).ListenAsync(foreign, Token)));
    }

    /// <summary>Connects and closes, many times and many at once: no socket, no buffer and no channel is left.</summary>
    [Fact(Timeout = HangTimeout)]
    public async Task ConnectAndClose_ManyTimes_LeavesNothing()
    {
        OnlyIfReliable();
        var socketsBefore = OpenSockets.Count();
        var left = new ConcurrentBag<WeakReference>();
        await ConnectAndCloseAsync(left);
        Assert.True(
            await Eventually.TrueOrTimeoutAsync(() => OpenSockets.Count() <= socketsBefore + AllowedExtraSockets, Patience),
            $"{socketsBefore} sockets were open before {ConnectionCount} connections, and {OpenSockets.Count()} are after all were closed.");
        Assert.True(
            await Eventually.TrueOrTimeoutAsync(() => !left.Any(IsAliveAfterCollection), Patience),
            $"{left.Count(static channel => channel.IsAlive)} of {left.Count} closed channels are still held by something: a timer, a pending read, or a task that never ends.");
    }

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private static bool IsAliveAfterCollection(WeakReference channel)
    {
        if (channel.IsAlive)
        {
            GC.Collect();
        }

        return channel.IsAlive;
    }

    private async Task ConnectAndCloseAsync(ConcurrentBag<WeakReference> left)
    {
        const int AtOnce = 16;
        await using var listener = await ListenOrSkipAsync((IServerTransport)Transport);
        var client = CreateClient();
        var serving = Task.Run(() => ServeAsync(listener, left), Token);
        var next = 0;
        var connecting = Enumerable.Range(0, AtOnce).Select(_ => Task.Run(
            async () =>
            {
                while (Interlocked.Increment(ref next) <= ConnectionCount)
                {
                    await ConnectAsync(client, GetConnectAddress(listener), left);
                }
            },
            Token));
        await Task.WhenAll(connecting);
        await listener.StopAcceptingAsync(Token);
        await serving;
    }

    private static async Task ConnectAsync(IClientTransport client, Uri address, ConcurrentBag<WeakReference> left)
    {
        await using var channel = await client.ConnectAsync(address, Token);
        left.Add(new WeakReference(channel));
        if (channel.Characteristics.Direction != ChannelDirection.UnidirectionalReceive)
        {
            await channel.SendAsync("hello"u8.ToArray(), Token);
            await channel.CloseAsync(cancellationToken: Token);
        }
        else
        {
            await ReceiveBytesAsync(channel);
        }
    }

    private static async Task ServeAsync(IMessageListener listener, ConcurrentBag<WeakReference> left)
    {
        var serving = new List<Task>();
        while (await listener.AcceptAsync(Token) is { } channel)
        {
            left.Add(new WeakReference(channel));
            serving.Add(ServeOneAsync(channel));
            if (serving.Count >= 256)
            {
                await Task.WhenAll(serving);
                serving.Clear();
            }
        }

        await Task.WhenAll(serving);
    }

    private static async Task ServeOneAsync(IMessageChannel channel)
    {
        await using (channel)
        {
            if (channel.Characteristics.Direction != ChannelDirection.UnidirectionalSend)
            {
                Assert.Equal("hello"u8.ToArray(), await ReceiveBytesAsync(channel));
                await AssertFinishedAsync(channel);
            }
            else
            {
                await channel.SendAsync("hello"u8.ToArray(), Token);
            }
        }
    }
}
