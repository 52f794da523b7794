using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;

namespace Transports.Udp.Tests;

/// <summary>Broadcast, multicast and dual mode, over the loopback interface.</summary>
public sealed class UdpAddressingTests : UdpFixture
{
    [Theory(Timeout = HangTimeout)]
    [InlineData("udp://0.0.0.0:0")]
    [InlineData("udp://[::]:0")]
    public async Task Connect_BroadcastAddressWithTheOption_ReachesTheListenerOfTheSubnet(string address)
    {
        Requirement.SkipUnless(OperatingSystem.IsLinux(), "linux", "Only Linux has a broadcast address on its loopback interface.");
        var listener = await ListenAsync(address: address);
        var client = await ConnectAsync(new Uri($"udp://127.255.255.255:{listener.LocalAddress.Port}"), new UdpTransportOptions { EnableBroadcast = true });
        await client.SendAsync(new Message[] { "to all"u8.ToArray(), "again!"u8.ToArray() }, Token);
        var server = await AcceptAsync(listener);
        (await server.ReceiveAsync(Token))!.Value.GetText().Should().Be("to all");
        (await server.ReceiveAsync(Token))!.Value.GetText().Should().Be("again!");
        await client.FlushAsync(Token);
        client.GetFeature<IUdpStatisticsFeature>()!.DatagramsSent.Should().Be(2);
    }

    [Theory(Timeout = HangTimeout)]
    [InlineData("udp://255.255.255.255:9")]
    [InlineData("udp://127.255.255.255:9")]
    public async Task Connect_BroadcastAddressWithoutTheOption_SaysWhichItIs(string address)
    {
        Requirement.SkipUnless(OperatingSystem.IsLinux(), "linux", "Only Linux has a broadcast address on its loopback interface.");
        var refused = await this.Invoking(_ => new UdpTransport().ConnectAsync(new Uri(address), Token).AsTask()).Should().ThrowAsync<TransportException>();
        refused.WithMessage("*EnableBroadcast*");
    }

    [Theory(Timeout = HangTimeout)]
    [InlineData("239.255.77.1", "0.0.0.0")]
    [InlineData("239.255.77.2", "239.255.77.2")]
    public async Task Listen_WithAMulticastGroup_EverySocketHearsWhatIsSentToIt(string group, string host)
    {
        var options = OnLoopback(group);
        var first = await ListenAsync(options, $"udp://{host}:0");
        var second = await ListenAsync(options, $"udp://{host}:{first.LocalAddress.Port}");
        var client = await ConnectAsync(GroupAddress(group, first.LocalAddress.Port), options);
        await client.SendAsync("to all"u8.ToArray(), Token);
        foreach (var listener in new[] { first, second })
        {
            var server = await AcceptAsync(listener);
            (await server.ReceiveAsync(Token))!.Value.GetText().Should().Be("to all");
        }
    }

    [Theory(Timeout = HangTimeout)]
    [InlineData("ff02::4:7701")]
    [InlineData("ff05::4:7702")]
    public async Task Listen_WithAnIPv6Group_HearsWhatIsSentToIt(string group)
    {
        RequireIPv6(true);
        await PrivateNetwork.RequireAsync();

        // Loopback has no route for IPv6 groups; a pair of virtual interfaces has.
        const int Interface = 77;
        var options = new UdpTransportOptions { MulticastInterface = Interface, MulticastGroups = { IPAddress.Parse(group) } };
        var (client, listener) = PrivateNetwork.Open(
            $"ip link add v0 index {Interface} type veth peer name v1; ip link set v0 up; ip link set v1 up; ip -6 addr add fd00::1/64 dev v0 nodad",
            () =>
            {
                var listening = ListenAsync(options, "udp://[::]:0").GetAwaiter().GetResult();
                return (ConnectAsync(GroupAddress(group, listening.LocalAddress.Port), options).GetAwaiter().GetResult(), listening);
            });
        await client.SendAsync("to all"u8.ToArray(), Token);
        (await (await AcceptAsync(listener)).ReceiveAsync(Token))!.Value.GetText().Should().Be("to all");
    }

    [Fact(Timeout = HangTimeout)]
    public async Task Listen_WithoutTheGroup_HearsOnlyWhatIsSentToItself()
    {
        const string Group = "239.255.77.3";
        var member = OnLoopback(Group);
        await ListenAsync(member, "udp://0.0.0.0:0");
        foreach (var any in new[] { "0.0.0.0", "[::]" })
        {
            var stranger = await ListenAsync(address: $"udp://{any}:0");
            await (await ConnectAsync(GroupAddress(Group, stranger.LocalAddress.Port), member)).SendAsync("to all"u8.ToArray(), Token);
            await (await ConnectAsync(new Uri($"udp://127.0.0.1:{stranger.LocalAddress.Port}"))).SendAsync("to you"u8.ToArray(), Token);

            // Loopback keeps the order, so the first would have been accepted first.
            (await (await AcceptAsync(stranger)).ReceiveAsync(Token))!.Value.GetText().Should().Be("to you");
        }
    }

    [Theory(Timeout = HangTimeout)]
    [InlineData("127.0.0.1")]
    [InlineData("[::1]")]
    public async Task Send_LargerThanTheInterfaceTakes_IsFragmentedAndNothingIsLost(string host)
    {
        RequireIPv6(host.Contains(':'));
        await PrivateNetwork.RequireAsync();

        // The kernel cuts no segments larger than the MTU, and refuses them; smaller ones of the same batch it may join.
        var calls = new ScriptedCalls();
        var options = new UdpTransportOptions { MaxMessageSize = 4000, Calls = calls, PeerQueueSize = 1024 * 1024 };
        var (client, listener) = PrivateNetwork.Open(
            "ip link set lo mtu 1280 up",
            () =>
            {
                var listening = ListenAsync(options, $"udp://{host}:0").GetAwaiter().GetResult();
                return (ConnectAsync(listening.LocalAddress, options).GetAwaiter().GetResult(), listening);
            });
        int[] sizes = [1400, 1400, 1400, 1000, 1000, 1000, 4000, 4000, 4000, 4000, 10, 1300, 1300, 1300, 500, 500];
        var sent = sizes.Select((size, i) => Enumerable.Repeat((byte)i, size).ToArray()).ToArray();
        await client.SendAsync(sent.Select(payload => (Message)payload).ToArray(), Token);
        var server = await AcceptAsync(listener);
        foreach (var expected in sent)
        {
            (await server.ReceiveAsync(Token))!.Value.ToArray().Should().Equal(expected);
        }

        await client.FlushAsync(Token);
        var counted = client.GetFeature<IUdpStatisticsFeature>()!;
        counted.DatagramsSent.Should().Be(sizes.Length);
        counted.SendErrors.Should().Be(0);
        calls.Refused.Should().BeGreaterThan(0);
    }

    [Fact(Timeout = HangTimeout)]
    public async Task Listen_DualMode_BatchesKeepEachPeersDatagramsApart()
    {
        RequireIPv6(true);
        var options = new UdpTransportOptions { LimitAmplification = false, PeerQueueSize = 1024 * 1024 };
        var listener = await ListenAsync(options, "udp://[::]:0");
        var pairs = new List<(IMessageChannel Client, IMessageChannel Server)>();
        foreach (var host in new[] { "127.0.0.1", "[::1]" })
        {
            var client = await ConnectAsync(new Uri($"udp://{host}:{listener.LocalAddress.Port}"), options);
            await client.SendAsync("first"u8.ToArray(), Token);
            var server = await AcceptAsync(listener);
            server.RemoteAddress.Should().Be(client.LocalAddress);
            await server.ReceiveAsync(Token);
            pairs.Add((client, server));
        }

        for (var wave = 0; wave < 100; wave++)
        {
            for (var i = 0; i < pairs.Count; i++)
            {
                await pairs[i].Client.SendAsync(Batch(wave, i), Token);
            }

            for (var i = 0; i < pairs.Count; i++)
            {
                await ExpectAsync(pairs[i].Server, Batch(wave, i));
                await pairs[i].Server.SendAsync(Batch(wave, i), Token);
                await ExpectAsync(pairs[i].Client, Batch(wave, i));
            }
        }

        static Message[] Batch(int wave, int peer)
            => [.. Enumerable.Range(0, 20).Select(i => (Message)Enumerable.Repeat((byte)(wave + (100 * peer)), 50 + (i / 6)).ToArray())];

        static async Task ExpectAsync(IMessageChannel channel, Message[] batch)
        {
            foreach (var expected in batch)
            {
                (await channel.ReceiveAsync(Token))!.Value.ToArray().Should().Equal(expected.ToArray());
            }
        }
    }

    [Fact(Timeout = HangTimeout)]
    public async Task Listen_OnIPv6WithoutDualMode_LeavesIPv4ToOthers()
    {
        RequireIPv6(true);
        var six = await ListenAsync(new UdpTransportOptions { DualMode = false }, "udp://[::]:0");
        var four = await ListenAsync(address: $"udp://0.0.0.0:{six.LocalAddress.Port}");
        foreach (var (host, listener) in new[] { ("127.0.0.1", four), ("[::1]", six) })
        {
            var client = await ConnectAsync(new Uri($"udp://{host}:{six.LocalAddress.Port}"));
            await client.SendAsync("hello"u8.ToArray(), Token);
            (await (await AcceptAsync(listener)).ReceiveAsync(Token))!.Value.GetText().Should().Be("hello");
        }
    }

    [Fact(Timeout = HangTimeout)]
    public async Task Listen_DualModePeersOfOnePortAndTwoFamilies_AreTwoPeers()
    {
        RequireIPv6(true);
        var listener = await ListenAsync(address: "udp://[::]:0");
        using var six = new Socket(AddressFamily.InterNetworkV6, SocketType.Dgram, ProtocolType.Udp) { DualMode = false };
        six.Bind(new IPEndPoint(IPAddress.IPv6Loopback, 0));
        using var four = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        var port = ((IPEndPoint)six.LocalEndPoint!).Port;
        four.Bind(new IPEndPoint(IPAddress.Loopback, port));
        await six.SendToAsync("six"u8.ToArray(), new IPEndPoint(IPAddress.IPv6Loopback, listener.LocalAddress.Port), Token);
        var first = await AcceptAsync(listener);
        await four.SendToAsync("four"u8.ToArray(), new IPEndPoint(IPAddress.Loopback, listener.LocalAddress.Port), Token);
        var second = await AcceptAsync(listener);
        (await first.ReceiveAsync(Token))!.Value.GetText().Should().Be("six");
        (await second.ReceiveAsync(Token))!.Value.GetText().Should().Be("four");
        first.RemoteAddress.Should().Be(new Uri($"udp://[::1]:{port}"));
        second.RemoteAddress.Should().Be(new Uri($"udp://127.0.0.1:{port}"));
    }

    [Theory(Timeout = HangTimeout)]
    [InlineData("127.0.0.1", 65_507, true)]
    [InlineData("127.0.0.1", 65_507, false)]
    [InlineData("[::1]", 65_507, true)]
    [InlineData("[::1]", 65_527, true)]
    [InlineData("[::1]", 65_527, false)]
    public async Task Receive_LargestDatagrams_ArriveWholeOrAreCounted(string host, int size, bool enableBatching)
    {
        RequireIPv6(host.Contains(':'));
        var options = new UdpTransportOptions { MaxMessageSize = UdpTransportOptions.MaxDatagramSize, EnableBatching = enableBatching, PeerQueueSize = 1024 * 1024 };
        var listener = await ListenAsync(options, $"udp://{host}:0");
        var address = IPAddress.Parse(host.Trim('[', ']'));
        using var bare = new Socket(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp) { SendBufferSize = 1024 * 1024 };
        bare.Connect(address, listener.LocalAddress.Port);
        await bare.SendAsync("first"u8.ToArray(), SocketFlags.None, Token);
        var server = await AcceptAsync(listener);
        (await server.ReceiveAsync(Token))!.Value.GetText().Should().Be("first");
        var counted = server.GetFeature<IUdpStatisticsFeature>()!;
        var payload = new byte[size];
        Random.Shared.NextBytes(payload);

        // Often enough for the reader to have changed to batches.
        for (var i = 1; i <= 100; i++)
        {
            await bare.SendAsync(payload, SocketFlags.None, Token);
            await bare.SendAsync(Array.Empty<byte>(), SocketFlags.None, Token);
            if (size <= UdpTransportOptions.MaxDatagramSize)
            {
                (await server.ReceiveAsync(Token))!.Value.ToArray().Should().Equal(payload);
            }

            (await server.ReceiveAsync(Token))!.Value.Length.Should().Be(0);
            counted.DroppedTooLarge.Should().Be(size <= UdpTransportOptions.MaxDatagramSize ? 0 : i);
        }
    }

    private static UdpTransportOptions OnLoopback(string group) => new()
    {
        MulticastInterface = NetworkInterface.LoopbackInterfaceIndex,
        ReuseAddress = true,
        MulticastGroups = { IPAddress.Parse(group) },
    };

    private static Uri GroupAddress(string group, int port) => new(group.Contains(':') ? $"udp://[{group}]:{port}" : $"udp://{group}:{port}");

    private static void RequireIPv6(bool needed) => Requirement.SkipUnless(!needed || Socket.OSSupportsIPv6, "ipv6", "This machine has no IPv6.");
}
