using System.Net;
using System.Net.Sockets;

namespace Transports.Udp.Tests;

/// <summary>Users who do things at the worst moment, and peers who mean harm. Buffers and sockets come back all the same.</summary>
public sealed class UdpHostileTests : UdpFixture
{
    private readonly LeakTrackingArrayPool _pool = new();

    [Theory(Timeout = HangTimeout)]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public async Task Dispose_InTheMidstOfSendsAndReceives_EveryCallEndsAndBuffersComeBack(bool enableBatching, bool abort)
    {
        for (var round = 0; round < 20; round++)
        {
            var options = Options();
            options.EnableBatching = enableBatching;
            var listener = await new UdpTransport(options).ListenAsync(new Uri("udp://127.0.0.1:0"), Token);
            var client = await new UdpTransport(options).ConnectAsync(listener.LocalAddress, Token);
            await client.SendAsync("first"u8.ToArray(), Token);
            var server = (await listener.AcceptAsync(Token))!;
            var moving = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            var work = new[]
            {
                Task.Run(() => SendForeverAsync(client), Token),
                Task.Run(() => SendForeverAsync(server), Token),
                Task.Run(() => ReceiveForeverAsync(client, () => moving.TrySetResult()), Token),
                Task.Run(() => ReceiveForeverAsync(server, () => { }), Token),
            };
            await moving.Task;
            if (abort)
            {
                Parallel.Invoke(() => client.Abort(), () => server.Abort());
            }

            await Task.WhenAll(client.DisposeAsync().AsTask(), server.DisposeAsync().AsTask(), listener.DisposeAsync().AsTask());
            await Task.WhenAll(work);
        }

        await _pool.AssertNoLeaksAsync();
    }

    [Fact(Timeout = HangTimeout)]
    public async Task Receive_CancelledAgainAndAgain_LosesNothingAndLeaksNothing()
    {
        await using (var listener = await new UdpTransport(Options()).ListenAsync(new Uri("udp://127.0.0.1:0"), Token))
        {
            await using var client = await new UdpTransport(Options()).ConnectAsync(listener.LocalAddress, Token);
            await client.SendAsync(new byte[1], Token);
            await using var server = (await listener.AcceptAsync(Token))!;
            await server.ReceiveAsync(Token);
            for (var i = 0; i < 200; i++)
            {
                using var cancel = new CancellationTokenSource();
                foreach (var (from, to) in new[] { (client, server), (server, client) })
                {
                    var cancelled = to.ReceiveAsync(cancel.Token).AsTask();
                    await cancel.CancelAsync();
                    await this.Invoking(_ => cancelled).Should().ThrowAsync<OperationCanceledException>();
                    await from.SendAsync(new byte[] { (byte)i }, Token);
                    (await to.ReceiveAsync(Token))!.Value.ToArray().Should().Equal((byte)i);
                }
            }
        }

        await _pool.AssertNoLeaksAsync();
    }

    [Fact(Timeout = HangTimeout)]
    public async Task Listener_DisposedWhileItsChannelsLive_TheyGoOnAndTheLastGivesAllBack()
    {
        var listener = await new UdpTransport(Options()).ListenAsync(new Uri("udp://127.0.0.1:0"), Token);
        var client = await new UdpTransport(Options()).ConnectAsync(listener.LocalAddress, Token);
        await client.SendAsync(new byte[1], Token);
        var server = (await listener.AcceptAsync(Token))!;

        // Never accepted: the listener's to dispose.
        using var stranger = Bare(listener.LocalAddress);
        await stranger.SendAsync("hello?"u8.ToArray(), SocketFlags.None, Token);
        await UntilAsync(() => ((IUdpListenerStatisticsFeature)listener).PeersAccepted == 2);
        await listener.DisposeAsync();
        await listener.DisposeAsync();
        ((IUdpListenerStatisticsFeature)listener).ActivePeers.Should().Be(1);
        await server.ReceiveAsync(Token);
        for (byte i = 0; i < 100; i++)
        {
            await client.SendAsync(new[] { i }, Token);
            (await server.ReceiveAsync(Token))!.Value.ToArray().Should().Equal(i);
            await server.SendAsync(new[] { i }, Token);
            (await client.ReceiveAsync(Token))!.Value.ToArray().Should().Equal(i);
        }

        await server.DisposeAsync();
        await client.DisposeAsync();
        await _pool.AssertNoLeaksAsync();
    }

    [Fact(Timeout = HangTimeout)]
    public async Task Listener_PeersThatTimedOutInTheBacklog_AreSkippedAndGiveTheirBuffersBack()
    {
        var clock = new ManualTimeProvider();
        var options = Options();
        options.TimeProvider = clock;
        options.IdleTimeout = TimeSpan.FromSeconds(40);
        await using (var listener = await new UdpTransport(options).ListenAsync(new Uri("udp://127.0.0.1:0"), Token))
        {
            var counted = (IUdpListenerStatisticsFeature)listener;
            for (var i = 0; i < 5; i++)
            {
                using var early = Bare(listener.LocalAddress);
                await early.SendAsync("too early"u8.ToArray(), SocketFlags.None, Token);
            }

            await UntilAsync(() => counted.PeersAccepted == 5);
            clock.Advance(TimeSpan.FromSeconds(50));
            counted.PeersTimedOut.Should().Be(5);
            using var late = Bare(listener.LocalAddress);
            await late.SendAsync("in time"u8.ToArray(), SocketFlags.None, Token);
            await using var server = (await listener.AcceptAsync(Token))!;
            (await server.ReceiveAsync(Token))!.Value.GetText().Should().Be("in time");
        }

        await _pool.AssertNoLeaksAsync();
    }

    [Fact(Timeout = HangTimeout)]
    public async Task Listener_FullBacklogUnderFire_ServesWhoWasAcceptedAndTakesNewPeersWhenThereIsRoom()
    {
        var options = Options();
        options.AcceptBacklog = 1;
        await using (var listener = await new UdpTransport(options).ListenAsync(new Uri("udp://127.0.0.1:0"), Token))
        {
            var counted = (IUdpListenerStatisticsFeature)listener;
            await using var known = await new UdpTransport(Options()).ConnectAsync(listener.LocalAddress, Token);
            await known.SendAsync(new byte[1], Token);
            await using var server = (await listener.AcceptAsync(Token))!;
            await server.ReceiveAsync(Token);
            using var waiting = Bare(listener.LocalAddress);
            await waiting.SendAsync("waiting"u8.ToArray(), SocketFlags.None, Token);
            await UntilAsync(() => counted.PeersAccepted == 2);
            using var refused = Bare(listener.LocalAddress);
            for (byte i = 0; i < 100; i++)
            {
                await refused.SendAsync("refused"u8.ToArray(), SocketFlags.None, Token);
                await known.SendAsync(new[] { i }, Token);
                (await server.ReceiveAsync(Token))!.Value.ToArray().Should().Equal(i);
                counted.DroppedBacklogFull.Should().Be(i + 1);
            }

            await using (var accepted = (await listener.AcceptAsync(Token))!)
            {
                (await accepted.ReceiveAsync(Token))!.Value.GetText().Should().Be("waiting");
            }

            await refused.SendAsync("room now"u8.ToArray(), SocketFlags.None, Token);
            await using var last = (await listener.AcceptAsync(Token))!;
            (await last.ReceiveAsync(Token))!.Value.GetText().Should().Be("room now");
        }

        await _pool.AssertNoLeaksAsync();
    }

    [Fact(Timeout = HangTimeout)]
    public async Task Listener_PeersThatVanish_TheirPortUnreachablesHurtNobody()
    {
        var options = Options();
        options.LimitAmplification = false;
        await using (var listener = await new UdpTransport(options).ListenAsync(new Uri("udp://127.0.0.1:0"), Token))
        {
            await using var known = await new UdpTransport(Options()).ConnectAsync(listener.LocalAddress, Token);
            await known.SendAsync(new byte[1], Token);
            await using var server = (await listener.AcceptAsync(Token))!;
            await server.ReceiveAsync(Token);
            for (byte i = 0; i < 100; i++)
            {
                using (var vanishing = Bare(listener.LocalAddress))
                {
                    await vanishing.SendAsync("and gone"u8.ToArray(), SocketFlags.None, Token);
                }

                // Each send that reaches the closed port is answered with ICMP port unreachable, to the socket that all share.
                await using var gone = (await listener.AcceptAsync(Token))!;
                await gone.SendAsync(Enumerable.Repeat((Message)new byte[100], 20).ToArray(), Token);
                await gone.FlushAsync(Token);
                await server.SendAsync(new[] { i }, Token);
                (await known.ReceiveAsync(Token))!.Value.ToArray().Should().Equal(i);
                gone.Closed.IsCompleted.Should().BeFalse();
            }

            server.GetFeature<IUdpListenerStatisticsFeature>()!.SendErrors.Should().Be(0);
        }

        await _pool.AssertNoLeaksAsync();
    }

    [Fact(Timeout = HangTimeout)]
    public async Task Listener_PeerThatComesBackAfterItsChannelEnded_GetsAnotherThatAnOldAbortCannotTake()
    {
        await using (var listener = await new UdpTransport(Options()).ListenAsync(new Uri("udp://127.0.0.1:0"), Token))
        {
            using var bare = Bare(listener.LocalAddress);
            await bare.SendAsync("one"u8.ToArray(), SocketFlags.None, Token);
            var old = (UdpPeerChannel)(await listener.AcceptAsync(Token))!;
            await old.CloseAsync(cancellationToken: Token);
            await bare.SendAsync("two"u8.ToArray(), SocketFlags.None, Token);
            await using var current = (await listener.AcceptAsync(Token))!;

            // What an abort that overtakes a close does.
            ((UdpListener)listener).Remove(old);
            await old.DisposeAsync();
            ((IUdpListenerStatisticsFeature)listener).ActivePeers.Should().Be(1);
            (await current.ReceiveAsync(Token))!.Value.GetText().Should().Be("two");
            await bare.SendAsync("three"u8.ToArray(), SocketFlags.None, Token);
            (await current.ReceiveAsync(Token))!.Value.GetText().Should().Be("three");
        }

        await _pool.AssertNoLeaksAsync();
    }

    [Fact(Timeout = HangTimeout)]
    public async Task Listener_PeerThatChangesItsPort_IsANewPeer()
    {
        await using var listener = await new UdpTransport(Options()).ListenAsync(new Uri("udp://127.0.0.1:0"), Token);
        using var before = Bare(listener.LocalAddress);
        using var after = Bare(listener.LocalAddress);
        await before.SendAsync("before"u8.ToArray(), SocketFlags.None, Token);
        await using var first = (await listener.AcceptAsync(Token))!;
        await after.SendAsync("after"u8.ToArray(), SocketFlags.None, Token);
        await using var second = (await listener.AcceptAsync(Token))!;
        (await first.ReceiveAsync(Token))!.Value.GetText().Should().Be("before");
        first.TryReceive(out _).Should().BeFalse();
        (await second.ReceiveAsync(Token))!.Value.GetText().Should().Be("after");

        // What the new one sent gives the old one no allowance.
        await first.Invoking(channel => channel.SendAsync(new byte[7], Token).AsTask()).Should().ThrowAsync<UdpAmplificationLimitException>();
    }

    [Fact(Timeout = HangTimeout)]
    public async Task Client_StrangersDatagrams_AreNotHeard()
    {
        await using var listener = await new UdpTransport(Options()).ListenAsync(new Uri("udp://127.0.0.1:0"), Token);
        var (client, server) = await OpenAsync(listener);
        using var stranger = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        await stranger.SendToAsync("forged"u8.ToArray(), new IPEndPoint(IPAddress.Loopback, client.LocalAddress!.Port), Token);
        await server.SendAsync("real"u8.ToArray(), Token);
        (await client.ReceiveAsync(Token))!.Value.GetText().Should().Be("real");
    }

    [Fact(Timeout = HangTimeout)]
    public async Task Listener_ShortestIdleTimeout_RetiresPeersAgainAndAgain()
    {
        var listener = await ListenAsync(new UdpTransportOptions { IdleTimeout = TimeSpan.FromTicks(1) });
        var counted = (IUdpListenerStatisticsFeature)listener;
        using var bare = Bare(listener.LocalAddress);
        for (var i = 1; i <= 3; i++)
        {
            await bare.SendAsync(new byte[1], SocketFlags.None, Token);
            await UntilAsync(() => counted.PeersTimedOut == i);
        }

        counted.ActivePeers.Should().Be(0);
    }

    [Fact(Timeout = HangTimeout)]
    public async Task Statistics_AfterEverythingWasGivenBack_KeepTheirLastCounts()
    {
        var listener = await ListenAsync(new UdpTransportOptions { SocketReceiveBufferSize = 4096 });
        var (client, server) = await OpenAsync(listener);
        var counted = server.GetFeature<IUdpStatisticsFeature>()!;
        Requirement.SkipUnless(OperatingSystem.IsLinux(), "linux", "Only Linux counts what the kernel drops.");

        // The smallest buffer holds two or so; a sender that never waits soon comes between two reads.
        var receiving = Task.Run(
            async () =>
            {
                await server.ReceiveAsync(Token).ConfigureAwait(false);
                using var bare = Bare(listener.LocalAddress);
                while (counted.DroppedByKernel == 0)
                {
                    bare.Send(new byte[1000]);
                }
            },
            Token);
        await client.SendAsync(new byte[1], Token);
        await receiving;
        var drops = counted.DroppedByKernel;
        await listener.DisposeAsync();
        await server.DisposeAsync();
        await UntilAsync(() => ((IUdpListenerStatisticsFeature)listener).ActivePeers == 0);
        counted.DroppedByKernel.Should().BeGreaterThanOrEqualTo(drops);

        // A second time there is no socket left to ask.
        await listener.DisposeAsync();
        counted.DroppedByKernel.Should().BeGreaterThanOrEqualTo(drops);
    }

    private UdpTransportOptions Options() => new() { BufferPool = _pool, LimitAmplification = true };

    private static async Task SendForeverAsync(IMessageChannel channel)
    {
        var batch = Enumerable.Repeat((Message)new byte[50], 20).ToArray();
        try
        {
            while (true)
            {
                try
                {
                    await channel.SendAsync(batch, Token);
                }
                catch (UdpAmplificationLimitException)
                {
                    await Task.Yield();
                }
            }
        }
        catch (MessageChannelClosedException)
        {
        }
    }

    private static async Task ReceiveForeverAsync(IMessageChannel channel, Action received)
    {
        try
        {
            while (await channel.ReceiveAsync(Token) is { } message)
            {
                message.Length.Should().BePositive();
                received();
            }
        }
        catch (MessageChannelClosedException)
        {
        }
    }
}
