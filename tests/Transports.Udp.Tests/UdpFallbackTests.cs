using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Transports.Udp.Tests;

/// <summary>What the kernel, a device or a sandbox refuses: nothing is lost, doubled or reordered on account of it, and what is dropped is counted.</summary>
public sealed class UdpFallbackTests : UdpFixture
{
    private const int Datagrams = 400;

    [Theory(Timeout = HangTimeout)]
    [InlineData(LinuxSocketCalls.Invalid)]
    [InlineData(LinuxSocketCalls.MessageTooLong)]
    [InlineData(LinuxSocketCalls.IoError)]
    [InlineData(LinuxSocketCalls.NotSupported)]
    public async Task Send_SegmentationRefusedFromTheStart_GoesOutUnjoined(int errno)
    {
        var calls = new ScriptedCalls { OnSendJoined = _ => errno };
        await ExpectAllAsync(calls);
        calls.MaxJoined.Should().Be(1);
    }

    [Theory(Timeout = HangTimeout)]
    [InlineData(LinuxSocketCalls.Invalid)]
    [InlineData(LinuxSocketCalls.MessageTooLong)]
    [InlineData(LinuxSocketCalls.IoError)]
    [InlineData(LinuxSocketCalls.NotSupported)]
    public async Task Send_SegmentationRefusedAtTheSecondCall_RestGoesOutOnce(int errno)
    {
        // The first call takes one message of its several; the route changes; the second call refuses.
        var calls = new ScriptedCalls { OnSend = call => call == 0 ? 1 : 0, OnSendJoined = call => call == 0 ? 0 : errno };
        await ExpectAllAsync(calls);
        calls.MaxJoined.Should().BeGreaterThan(1);
    }

    [Theory(Timeout = HangTimeout)]
    [InlineData(LinuxSocketCalls.WouldBlock)]
    [InlineData(LinuxSocketCalls.Interrupted)]
    [InlineData(LinuxSocketCalls.NoSuchCall)]
    public async Task Send_OneCallGivesWay_NothingIsLost(int errno)
    {
        var calls = new ScriptedCalls { OnSend = call => call % 2 == 1 ? -errno : 1 };
        await ExpectAllAsync(calls);
        calls.Sends.Should().BeGreaterThan(1);
    }

    [Fact(Timeout = HangTimeout)]
    public async Task Send_KernelThatKnowsNoSegmentation_IsNeverAskedForIt()
    {
        var calls = new ScriptedCalls { CutsSegments = false };
        await ExpectAllAsync(calls);
        calls.MaxJoined.Should().Be(1);
    }

    [Theory(Timeout = HangTimeout)]
    [InlineData(105)] // ENOBUFS
    [InlineData(12)] // ENOMEM
    [InlineData(1)] // EPERM: a firewall's rule
    public async Task Send_BatchRefused_IsCountedAndTheRestGoesOut(int errno)
    {
        var calls = new ScriptedCalls { OnSend = call => call == 1 ? -errno : 1 };
        var (arrived, counted) = await SendAsync(calls);
        counted.SendErrors.Should().BeGreaterThan(0);
        counted.DatagramsSent.Should().Be(arrived.Count);
        (counted.DatagramsSent + counted.SendErrors).Should().Be(Datagrams);
        arrived.Should().BeInAscendingOrder().And.OnlyHaveUniqueItems();
    }

    [Fact(Timeout = HangTimeout)]
    public async Task Send_ConnectionRefusedInMidBatch_EndsTheChannel()
    {
        var calls = new ScriptedCalls { OnSend = call => call == 1 ? -LinuxSocketCalls.ConnectionRefused : 1 };
        RequireBatching(calls);
        using var receiver = Receiver();
        var client = await ConnectAsync(AddressOf(receiver), new UdpTransportOptions { Calls = calls });
        await client.SendAsync(Numbered(), Token);
        var end = await client.Closed;
        end.Status.Should().Be(ChannelCloseStatus.ConnectionLost);
        end.ProtocolErrorCode.Should().Be((long)SocketError.ConnectionRefused);
    }

    [Fact(Timeout = HangTimeout)]
    public async Task Send_ToOnePeerRefused_TheListenersOtherPeersGoOn()
    {
        var refusing = false;
        var calls = new ScriptedCalls { OnSend = _ => Volatile.Read(ref refusing) ? -LinuxSocketCalls.HostUnreachable : 0 };
        RequireBatching(calls);
        var listener = await ListenAsync(new UdpTransportOptions { Calls = calls, LimitAmplification = false });
        var (_, unreachable) = await OpenAsync(listener);
        var (client, server) = await OpenAsync(listener);
        refusing = true;
        await unreachable.SendAsync(Numbered(), Token);
        await unreachable.FlushAsync(Token);
        Volatile.Write(ref refusing, false);
        unreachable.GetFeature<IUdpStatisticsFeature>()!.SendErrors.Should().Be(Datagrams);
        unreachable.Closed.IsCompleted.Should().BeFalse();
        await server.SendAsync("still here"u8.ToArray(), Token);
        (await client.ReceiveAsync(Token))!.Value.GetText().Should().Be("still here");
    }

    [Fact(Timeout = HangTimeout)]
    public async Task Send_SocketThatCannotSegment_KernelsOwnRefusalLosesNothing()
    {
        RequireBatching(new ScriptedCalls());
        using var receiver = Receiver();
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.Connect(receiver.LocalEndPoint!);

        // SO_NO_CHECK: without checksums Linux refuses every UDP_SEGMENT.
        socket.SetRawSocketOption(1, 11, [1, 0, 0, 0]);
        var counters = new UdpCounters(new KernelDropCounter(socket));
        var calls = new ScriptedCalls();
        await new DatagramWriter(socket, counters, new UdpTransportOptions { Calls = calls }).WriteAsync(Frames());
        (await ReadAsync(receiver, Datagrams)).Should().Equal(Enumerable.Range(0, Datagrams));
        counters.DatagramsSent.Should().Be(Datagrams);
        counters.SendErrors.Should().Be(0);
        calls.Refused.Should().BeGreaterThan(0);
    }

    [Theory(Timeout = HangTimeout)]
    [InlineData(false, true, 0)]
    [InlineData(true, false, 0)]
    [InlineData(true, true, LinuxSocketCalls.NoSuchCall)]
    [InlineData(true, true, LinuxSocketCalls.Interrupted)]
    [InlineData(true, true, LinuxSocketCalls.WouldBlock)]
    public async Task Receive_KernelWithoutOffloadOrWithoutTheCall_EachDatagramArrives(bool kernelJoins, bool useOffload, int errno)
    {
        var calls = new ScriptedCalls { JoinsSegments = kernelJoins, OnReceive = call => errno == LinuxSocketCalls.NoSuchCall || call % 2 == 1 ? -errno : 0 };
        RequireBatching(calls);
        var options = new UdpTransportOptions { Calls = calls, EnableReceiveOffload = useOffload, LimitAmplification = false, PeerQueueSize = 16 * 1024 * 1024 };
        var listener = await ListenAsync(options);
        var (client, server) = await OpenAsync(listener, options);
        for (var wave = 0; wave < 50; wave++)
        {
            await client.SendAsync(Numbered(50), Token);
            await ExpectAsync(server, 50);
            await server.SendAsync(Numbered(50), Token);
            await ExpectAsync(client, 50);
        }

        calls.Receives.Should().BeGreaterThan(0);
        if (errno == 0)
        {
            calls.MaxSlots.Should().BeGreaterThan(1);
        }

        server.GetFeature<IUdpStatisticsFeature>()!.DatagramsReceived.Should().Be(1 + (50 * 50));
        client.GetFeature<IUdpStatisticsFeature>()!.DatagramsReceived.Should().Be(50 * 50);
    }

    [Fact(Timeout = HangTimeout)]
    public async Task Listener_EveryReadFails_PausesInsteadOfSpinningAndThenGoesOn()
    {
        var clock = new Transports.Tests.ManualTimeProvider();
        var failing = true;
        var calls = new ScriptedCalls { OnReceive = _ => Volatile.Read(ref failing) ? -105 : 0 };
        RequireBatching(calls);
        var listener = await ListenAsync(new UdpTransportOptions { Calls = calls, TimeProvider = clock });
        var counted = (IUdpListenerStatisticsFeature)listener;
        using var bare = Bare(listener.LocalAddress);

        // A single read that fails is followed by one of another sort; only a burst is read batched again and again.
        var paused = clock.WhenTimerDueInAsync(TimeSpan.FromMilliseconds(10), Token);
        while (!paused.IsCompleted)
        {
            await bare.SendAsync(new byte[1], SocketFlags.None, Token);
        }

        await paused;
        var before = counted.DatagramsReceived + counted.DroppedQueueFull;
        var reads = calls.Receives;
        Volatile.Write(ref failing, false);
        await bare.SendAsync("after"u8.ToArray(), SocketFlags.None, Token);
        calls.Receives.Should().Be(reads);
        clock.Advance(TimeSpan.FromMilliseconds(10));
        await UntilAsync(() => counted.DatagramsReceived + counted.DroppedQueueFull > before);
    }

    [Fact(Timeout = HangTimeout)]
    public async Task Listener_SocketLost_EndsItsChannelsAndAccepting()
    {
        var failing = false;
        var calls = new ScriptedCalls { OnReceive = _ => Volatile.Read(ref failing) ? -LinuxSocketCalls.BadDescriptor : 0 };
        RequireBatching(calls);
        var listener = await ListenAsync(new UdpTransportOptions { Calls = calls });
        var (_, server) = await OpenAsync(listener);
        var (client, _) = await OpenAsync(listener);

        // Which read is next, a lone one or a batched one, is the reader's affair; the last makes it a batched one.
        Volatile.Write(ref failing, true);
        while (!server.Closed.IsCompleted)
        {
            Token.ThrowIfCancellationRequested();
            await client.SendAsync(new byte[1], Token);
        }

        (await server.Closed).Status.Should().Be(ChannelCloseStatus.ConnectionLost);
        await listener.Invoking(one => one.AcceptAsync(Token).AsTask()).Should().ThrowAsync<TransportException>().WithMessage("*open it again*");
    }

    private static async Task ExpectAsync(IMessageChannel channel, int count)
    {
        for (var i = 0; i < count; i++)
        {
            BinaryPrimitives.ReadInt32BigEndian((await channel.ReceiveAsync(Token))!.Value.ToArray()).Should().Be(i);
        }
    }

    private static void RequireBatching(ScriptedCalls calls) => Requirement.SkipUnless(calls.IsSupported, "linux", "Batching is for 64-bit Linux.");

    private async Task ExpectAllAsync(ScriptedCalls calls)
    {
        var (arrived, counted) = await SendAsync(calls);
        arrived.Should().Equal(Enumerable.Range(0, Datagrams));
        counted.DatagramsSent.Should().Be(Datagrams);
        counted.BytesSent.Should().Be(Numbered().Sum(message => message.Length));
        counted.SendErrors.Should().Be(0);
    }

    // The numbers that arrived at a bare socket.
    private async Task<(List<int> Arrived, IUdpStatisticsFeature Counted)> SendAsync(ScriptedCalls calls)
    {
        RequireBatching(calls);
        using var receiver = Receiver();
        var client = await ConnectAsync(AddressOf(receiver), new UdpTransportOptions { Calls = calls });
        await client.SendAsync(Numbered(), Token);
        await client.FlushAsync(Token);
        var counted = client.GetFeature<IUdpStatisticsFeature>()!;
        var arrived = await ReadAsync(receiver, (int)counted.DatagramsSent);
        receiver.Available.Should().Be(0);
        return (arrived, counted);
    }

    private static async Task<List<int>> ReadAsync(Socket receiver, int count)
    {
        var arrived = new List<int>();
        var buffer = new byte[2000];
        while (arrived.Count < count)
        {
            (await receiver.ReceiveAsync(buffer, SocketFlags.None, Token)).Should().BeGreaterThanOrEqualTo(sizeof(int));
            arrived.Add(BinaryPrimitives.ReadInt32BigEndian(buffer));
        }

        return arrived;
    }

    private static Socket Receiver()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { ReceiveBufferSize = 1024 * 1024 };
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return socket;
    }

    private static Uri AddressOf(Socket socket) => HostAddress.ToUri("udp", socket.LocalEndPoint)!;

    // Runs of one size, short and long, and single ones between.
    private static Message[] Numbered(int count = Datagrams) => [.. Enumerable.Range(0, count).Select(i =>
    {
        var payload = new byte[(i % 100) switch { < 40 => 100, < 50 => 90, < 52 => 4 + (i % 7), < 90 => 60, _ => 130 }];
        BinaryPrimitives.WriteInt32BigEndian(payload, i);
        return (Message)payload;
    })];

    private static byte[] Frames()
    {
        var frames = new MemoryStream();
        Span<byte> length = stackalloc byte[sizeof(int)];
        foreach (var message in Numbered())
        {
            BinaryPrimitives.WriteInt32BigEndian(length, (int)message.Length);
            frames.Write(length);
            frames.Write(message.ToArray());
        }

        return frames.ToArray();
    }
}
