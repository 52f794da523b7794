using System.Net.Sockets;

namespace Transports.Udp.Tests;

/// <summary>Who makes room when all places are taken.</summary>
public sealed class UdpPeerLimitTests : UdpFixture
{
    private const int MaxPeers = 10;

    [Fact(Timeout = HangTimeout)]
    public async Task Newcomer_AfterAFloodOfSingleDatagrams_IsServedAtOnceAndKnownPeersStay()
    {
        const int Flood = 2 * MaxPeers;
        var listener = await ListenAsync(new UdpTransportOptions { MaxPeers = MaxPeers });
        var counted = (IUdpListenerStatisticsFeature)listener;
        var (known, knownServer) = await EstablishAsync(listener);
        for (var i = 0; i < Flood; i++)
        {
            using var bare = Bare(listener.LocalAddress);
            await bare.SendAsync(new byte[1], SocketFlags.None, Token);
        }

        await UntilAsync(() => counted.PeersAccepted == 1 + Flood);
        var newcomer = await ConnectAsync(listener.LocalAddress);
        await newcomer.SendAsync("room for me?"u8.ToArray(), Token);
        var server = await AcceptAsync(listener);
        while (server.RemoteAddress != newcomer.LocalAddress)
        {
            server = await AcceptAsync(listener);
        }

        (await server.ReceiveAsync(Token))!.Value.GetText().Should().Be("room for me?");
        await known.SendAsync("and me?"u8.ToArray(), Token);
        (await knownServer.ReceiveAsync(Token))!.Value.GetText().Should().Be("and me?");
        counted.ActivePeers.Should().Be(MaxPeers);
        counted.PeersEvicted.Should().Be(1 + Flood + 1 - MaxPeers);
        counted.DroppedPeerLimit.Should().Be(0);
    }

    [Fact(Timeout = HangTimeout)]
    public async Task Evicted_WhileAReceiveWaits_EndsWithPolicyViolationThatNamesTheOption()
    {
        var listener = await ListenAsync(new UdpTransportOptions { MaxPeers = 1 });
        var (_, server) = await OpenAsync(listener);
        var waiting = server.ReceiveAsync(Token).AsTask();
        var (_, next) = await OpenAsync(listener);
        var ended = await waiting.Invoking(one => one).Should().ThrowAsync<MessageChannelClosedException>().WithMessage("*MaxPeers*");
        ended.Which.CloseInfo.Should().Match<ChannelCloseInfo>(info => info.Status == ChannelCloseStatus.PolicyViolation && !info.IsRemote);
        next.Closed.IsCompleted.Should().BeFalse();
    }

    [Fact(Timeout = HangTimeout)]
    public async Task Evicted_WhoseReceiverBlocks_HoldsUpNobody()
    {
        var listener = await ListenAsync(new UdpTransportOptions { MaxPeers = 1 });
        var (_, server) = await OpenAsync(listener);
        using var release = new ManualResetEventSlim();
        var blocking = Task.Run(
            async () =>
            {
                await server.Invoking(one => one.ReceiveAsync(Token).AsTask()).Should().ThrowAsync<MessageChannelClosedException>().ConfigureAwait(false);
                release.Wait(Token);
            },
            Token);
        await OpenAsync(listener);
        await OpenAsync(listener);
        release.Set();
        await blocking;
    }

    [Fact(Timeout = HangTimeout)]
    public async Task Newcomer_EstablishedPeersOnly_GetsThePlaceOfTheLongestSilentAfterEvictionIdleTime()
    {
        var clock = new ManualTimeProvider();
        var listener = await ListenAsync(new UdpTransportOptions { TimeProvider = clock, MaxPeers = 2, EvictionIdleTime = TimeSpan.FromSeconds(10) });
        var counted = (IUdpListenerStatisticsFeature)listener;
        var (first, firstServer) = await EstablishAsync(listener);
        var (_, secondServer) = await EstablishAsync(listener);
        using var newcomer = Bare(listener.LocalAddress);
        await newcomer.SendAsync("too early"u8.ToArray(), SocketFlags.None, Token);
        await UntilAsync(() => counted.DroppedPeerLimit == 1);
        clock.Advance(TimeSpan.FromSeconds(9));
        await first.SendAsync("still here"u8.ToArray(), Token);
        await firstServer.ReceiveAsync(Token);
        clock.Advance(TimeSpan.FromSeconds(1));
        await newcomer.SendAsync("now"u8.ToArray(), SocketFlags.None, Token);
        (await (await AcceptAsync(listener)).ReceiveAsync(Token))!.Value.GetText().Should().Be("now");
        (await secondServer.Closed).Status.Should().Be(ChannelCloseStatus.PolicyViolation);
        firstServer.Closed.IsCompleted.Should().BeFalse();
        counted.PeersEvicted.Should().Be(1);
    }

    [Fact(Timeout = HangTimeout)]
    public async Task Newcomer_EvictionIdleTimeInfinite_WaitsForIdleTimeout()
    {
        var clock = new ManualTimeProvider();
        var listener = await ListenAsync(new UdpTransportOptions
        {
            TimeProvider = clock,
            MaxPeers = 1,
            EvictionIdleTime = Timeout.InfiniteTimeSpan,
            IdleTimeout = TimeSpan.FromSeconds(40),
        });
        var counted = (IUdpListenerStatisticsFeature)listener;
        var (_, server) = await EstablishAsync(listener);
        using var newcomer = Bare(listener.LocalAddress);
        clock.Advance(TimeSpan.FromSeconds(39));
        await newcomer.SendAsync("too early"u8.ToArray(), SocketFlags.None, Token);
        await UntilAsync(() => counted.DroppedPeerLimit == 1);
        server.Closed.IsCompleted.Should().BeFalse();
        clock.Advance(TimeSpan.FromSeconds(1));
        await newcomer.SendAsync("now"u8.ToArray(), SocketFlags.None, Token);
        (await (await AcceptAsync(listener)).ReceiveAsync(Token))!.Value.GetText().Should().Be("now");
        (await server.Closed).Status.Should().Be(ChannelCloseStatus.TimedOut);
        counted.PeersEvicted.Should().Be(0);
    }

    [Fact]
    public void PeerKey_AddressesChosenToCollide_HaveDifferentHashCodes()
    {
        // Both halves of a 64-bit number alike: its own hash code is 0 for all of them, and whoever has an IPv6 network can send from them.
        var hashes = Enumerable.Range(1, 1000).Select(i => new PeerKey(0x20010DB8, ((ulong)i << 32) | (uint)i, 0, 1000, default).GetHashCode());
        hashes.Distinct().Count().Should().BeGreaterThan(990);
    }

    // A pair whose client has sent more than once.
    private async Task<(IMessageChannel Client, IMessageChannel Server)> EstablishAsync(IMessageListener listener)
    {
        var (client, server) = await OpenAsync(listener);
        await client.SendAsync("again"u8.ToArray(), Token);
        (await server.ReceiveAsync(Token))!.Value.GetText().Should().Be("again");
        return (client, server);
    }
}
