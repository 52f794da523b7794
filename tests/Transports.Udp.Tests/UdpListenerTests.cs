using System.Net.Sockets;

namespace Transports.Udp.Tests;

public sealed class UdpListenerTests : UdpFixture
{
    [Fact(Timeout = HangTimeout)]
    public async Task Listener_TwoPeers_EachHasAChannel()
    {
        var listener = await ListenAsync();
        var (first, firstServer) = await OpenAsync(listener);
        var (second, secondServer) = await OpenAsync(listener);
        firstServer.RemoteAddress.Should().Be(first.LocalAddress).And.NotBe(secondServer.RemoteAddress);
        await second.SendAsync("2"u8.ToArray(), Token);
        await first.SendAsync("1"u8.ToArray(), Token);
        (await firstServer.ReceiveAsync(Token))!.Value.GetText().Should().Be("1");
        (await secondServer.ReceiveAsync(Token))!.Value.GetText().Should().Be("2");
    }

    [Fact(Timeout = HangTimeout)]
    public async Task Listener_FloodedPeer_DropsTheNewestAndOthersFeelNothing()
    {
        var listener = await ListenAsync(new UdpTransportOptions { PeerQueueSize = 1024 });
        var (flooder, flooded) = await OpenAsync(listener);
        var (quiet, quietServer) = await OpenAsync(listener);
        var counted = flooded.GetFeature<IUdpStatisticsFeature>()!;
        for (byte i = 0; i < 20; i++)
        {
            await flooder.SendAsync(Enumerable.Repeat(i, 100).ToArray(), Token);
        }

        // Nine of 104 bytes fit.
        await UntilAsync(() => counted.DroppedQueueFull == 11);
        await quiet.SendAsync("still here"u8.ToArray(), Token);
        (await quietServer.ReceiveAsync(Token))!.Value.GetText().Should().Be("still here");
        for (byte i = 0; i < 9; i++)
        {
            (await flooded.ReceiveAsync(Token))!.Value.ToArray().Should().OnlyContain(value => value == i);
        }

        flooded.TryReceive(out _).Should().BeFalse();
        counted.DatagramsReceived.Should().Be(10);
        ((IUdpListenerStatisticsFeature)listener).DroppedQueueFull.Should().Be(11);
    }

    [Fact(Timeout = HangTimeout)]
    public async Task Listener_HandlerThatBlocks_HoldsUpNobodyElse()
    {
        var listener = await ListenAsync();
        var (stuck, stuckServer) = await OpenAsync(listener);
        var (quiet, quietServer) = await OpenAsync(listener);
        using var release = new ManualResetEventSlim();
        var entered = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var blocking = Task.Run(
            async () =>
            {
                await stuckServer.ReceiveAsync(Token).ConfigureAwait(false);
                entered.SetResult();
                release.Wait(Token);
            },
            Token);
        await stuck.SendAsync("block"u8.ToArray(), Token);
        await entered.Task;
        await quiet.SendAsync("still here"u8.ToArray(), Token);
        (await quietServer.ReceiveAsync(Token))!.Value.GetText().Should().Be("still here");
        release.Set();
        await blocking;
    }

    [Fact(Timeout = HangTimeout)]
    public async Task Listener_MorePeersThanAllowed_DropsAndCountsTheirs()
    {
        var listener = await ListenAsync(new UdpTransportOptions { MaxPeers = 2 });
        var counted = (IUdpListenerStatisticsFeature)listener;
        var (first, one) = await OpenAsync(listener);
        var (second, two) = await OpenAsync(listener);
        foreach (var (client, server) in new[] { (first, one), (second, two) })
        {
            // Who has sent once only would make room.
            await client.SendAsync("again"u8.ToArray(), Token);
            await server.ReceiveAsync(Token);
        }

        using var third = Bare(listener.LocalAddress);
        await third.SendAsync("no room"u8.ToArray(), SocketFlags.None, Token);
        await UntilAsync(() => counted.DroppedPeerLimit == 1);
        counted.ActivePeers.Should().Be(2);
        await one.CloseAsync(cancellationToken: Token);
        counted.ActivePeers.Should().Be(1);
        await third.SendAsync("now"u8.ToArray(), SocketFlags.None, Token);
        (await (await AcceptAsync(listener)).ReceiveAsync(Token))!.Value.GetText().Should().Be("now");
    }

    [Fact(Timeout = HangTimeout)]
    public async Task Listener_NobodyAccepts_BacklogIsBounded()
    {
        var listener = await ListenAsync(new UdpTransportOptions { AcceptBacklog = 3 });
        var counted = (IUdpListenerStatisticsFeature)listener;
        for (var i = 0; i < 5; i++)
        {
            using var bare = Bare(listener.LocalAddress);
            await bare.SendAsync("hello"u8.ToArray(), SocketFlags.None, Token);
        }

        await UntilAsync(() => counted.DroppedBacklogFull == 2);
        counted.ActivePeers.Should().Be(3);
    }

    [Fact(Timeout = HangTimeout)]
    public async Task Listener_SilentPeer_IsRetiredAndASpeakingOneIsNot()
    {
        var clock = new ManualTimeProvider();
        var options = new UdpTransportOptions { TimeProvider = clock, IdleTimeout = TimeSpan.FromSeconds(40) };
        var listener = await ListenAsync(options);
        var (_, silent) = await OpenAsync(listener);
        var (speaking, speakingServer) = await OpenAsync(listener);
        for (var i = 0; i < 4; i++)
        {
            clock.Advance(TimeSpan.FromSeconds(10));
            await speaking.SendAsync("here"u8.ToArray(), Token);
            await speakingServer.ReceiveAsync(Token);
        }

        (await silent.Closed).Status.Should().Be(ChannelCloseStatus.TimedOut);
        await silent.Invoking(channel => channel.ReceiveAsync(Token).AsTask()).Should().ThrowAsync<MessageChannelClosedException>().WithMessage("*IdleTimeout*");
        speakingServer.Closed.IsCompleted.Should().BeFalse();
        ((IUdpListenerStatisticsFeature)listener).PeersTimedOut.Should().Be(1);
        ((IUdpListenerStatisticsFeature)listener).ActivePeers.Should().Be(1);
    }

    [Fact(Timeout = HangTimeout)]
    public async Task Listener_Disposed_AcceptedChannelsGoOnAndNewPeersAreNotHeard()
    {
        var listener = await ListenAsync();
        var (client, server) = await OpenAsync(listener);
        await listener.DisposeAsync();
        (await listener.AcceptAsync(Token)).Should().BeNull();
        using var late = Bare(listener.LocalAddress);
        await late.SendAsync("late"u8.ToArray(), SocketFlags.None, Token);
        await UntilAsync(() => ((IUdpListenerStatisticsFeature)listener).DroppedNotAccepting == 1);
        await client.SendAsync("goes on"u8.ToArray(), Token);
        (await server.ReceiveAsync(Token))!.Value.GetText().Should().Be("goes on");
        await server.CloseAsync(cancellationToken: Token);

        // The last channel has given the port back.
        using var next = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        await UntilAsync(() => CanBind(next, listener.LocalAddress.Port));
    }

    private static bool CanBind(Socket socket, int port)
    {
        try
        {
            socket.Bind(new System.Net.IPEndPoint(System.Net.IPAddress.Loopback, port));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
