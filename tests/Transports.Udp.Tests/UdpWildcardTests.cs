using System.Net;
using System.Net.Sockets;

namespace Transports.Udp.Tests;

/// <summary>A listener on a wildcard address answers from the address that was asked (RFC 1122, section 4.1.3.5): a connected client hears no other.</summary>
public sealed class UdpWildcardTests : UdpFixture
{
    // The kernel makes an address a local one a moment after it was added; until then it loses what is sent there.
    private const string AddressesOnLoopback = """
        ip link set lo up
        for address in fd00::1 fd00::2; do
            ip -6 addr add $address/128 dev lo nodad
            until ip -6 route show table local | grep -q $address; do :; done
        done
        """;

    public UdpWildcardTests() => Requirement.SkipUnless(LinuxSocketCalls.IsSupported, "linux", "Answering from the address asked is for 64-bit Linux.");

    [Theory(Timeout = HangTimeout)]
    [InlineData("0.0.0.0", true)]
    [InlineData("0.0.0.0", false)]
    [InlineData("[::]", true)]
    [InlineData("[::]", false)]
    public async Task Answer_AddressThatTheKernelWouldNotChoose_ComesFromThere(string any, bool enableBatching)
    {
        var options = Options(enableBatching);
        var listener = await ListenAsync(options, $"udp://{any}:0");
        foreach (var host in new[] { "127.0.0.2", "127.0.0.1", "127.3.4.5" })
        {
            var client = await ConnectAsync(new Uri($"udp://{host}:{listener.LocalAddress.Port}"), options);
            await ExpectEchoesAsync(client, await FirstAsync(client, listener));
        }
    }

    [Theory(Timeout = HangTimeout)]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Answer_OverIPv6_ComesFromTheAddressAsked(bool enableBatching)
    {
        Requirement.SkipUnless(Socket.OSSupportsIPv6, "ipv6", "This machine has no IPv6.");
        await PrivateNetwork.RequireAsync();
        var options = Options(enableBatching);
        var (listener, bare) = PrivateNetwork.Open(
            AddressesOnLoopback,
            () =>
            {
                var listening = ListenAsync(options, "udp://[::]:0").GetAwaiter().GetResult();
                var socket = new Socket(AddressFamily.InterNetworkV6, SocketType.Dgram, ProtocolType.Udp);
                socket.Bind(new IPEndPoint(IPAddress.Parse("fd00::1"), 0));
                socket.Connect(new IPEndPoint(IPAddress.Parse("fd00::2"), listening.LocalAddress.Port));
                return (listening, socket);
            });
        using (bare)
        {
            await bare.SendAsync("first"u8.ToArray(), SocketFlags.None, Token);
            var server = await AcceptAsync(listener);
            server.LocalAddress!.Host.Should().Be("[fd00::2]");
            await server.SendAsync(Enumerable.Range(0, 20).Select(i => (Message)new[] { (byte)i }).ToArray(), Token);
            var buffer = new byte[10];
            for (var i = 0; i < 20; i++)
            {
                (await bare.ReceiveAsync(buffer, SocketFlags.None, Token)).Should().Be(1);
                buffer[0].Should().Be((byte)i);
            }
        }
    }

    [Theory(Timeout = HangTimeout)]
    [InlineData("0.0.0.0")]
    [InlineData("[::]")]
    public async Task Answer_OnePeerThatAsksTwoAddresses_EachAnswersForItself(string any)
    {
        var listener = await ListenAsync(Options(enableBatching: true), $"udp://{any}:0");
        using var bare = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        bare.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        foreach (var host in new[] { "127.0.0.2", "127.0.0.3" })
        {
            var asked = new IPEndPoint(IPAddress.Parse(host), listener.LocalAddress.Port);
            await bare.SendToAsync("question"u8.ToArray(), SocketFlags.None, asked, Token);
            var server = await AcceptAsync(listener);
            server.LocalAddress.Should().Be(new Uri($"udp://{asked}"));
            await server.SendAsync("answer"u8.ToArray(), Token);
            var answer = await bare.ReceiveFromAsync(new byte[10], SocketFlags.None, new IPEndPoint(IPAddress.Any, 0), Token);
            answer.RemoteEndPoint.Should().Be(asked);
        }
    }

    [Theory(Timeout = HangTimeout)]
    [InlineData("0.0.0.0")]
    [InlineData("[::]")]
    public async Task Answer_ToABroadcast_Arrives(string any)
    {
        var listener = await ListenAsync(Options(enableBatching: true), $"udp://{any}:0");
        using var bare = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { EnableBroadcast = true };
        bare.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        await bare.SendToAsync("who is there?"u8.ToArray(), SocketFlags.None, new IPEndPoint(IPAddress.Parse("127.255.255.255"), listener.LocalAddress.Port), Token);
        var server = await AcceptAsync(listener);
        await server.SendAsync("me"u8.ToArray(), Token);
        (await bare.ReceiveAsync(new byte[10], SocketFlags.None, Token)).Should().Be(2);
        server.GetFeature<IUdpStatisticsFeature>()!.SendErrors.Should().Be(0);
    }

    [Fact(Timeout = HangTimeout)]
    public async Task Answer_KernelWithoutBatchedReads_ComesFromTheAddressAsked()
    {
        var calls = new ScriptedCalls { OnReceive = _ => -LinuxSocketCalls.NoSuchCall, OnSend = call => call % 5 == 4 ? -LinuxSocketCalls.NoSuchCall : 0 };
        var options = Options(enableBatching: true);
        options.Calls = calls;
        var listener = await ListenAsync(options, "udp://0.0.0.0:0");
        var client = await ConnectAsync(new Uri($"udp://127.0.0.2:{listener.LocalAddress.Port}"));
        await ExpectEchoesAsync(client, await FirstAsync(client, listener));
        calls.OneByOneReceives.Should().BeGreaterThan(1);
    }

    [Fact(Timeout = HangTimeout)]
    public async Task Answer_SocketIsFullAgainAndAgain_WaitsAndNothingIsLost()
    {
        var calls = new ScriptedCalls { OnSend = call => call % 2 == 1 ? -LinuxSocketCalls.WouldBlock : 1 };
        var options = Options(enableBatching: true);
        options.Calls = calls;
        var listener = await ListenAsync(options, "udp://0.0.0.0:0");
        var client = await ConnectAsync(new Uri($"udp://127.0.0.2:{listener.LocalAddress.Port}"));
        await ExpectEchoesAsync(client, await FirstAsync(client, listener));
    }

    [Fact(Timeout = HangTimeout)]
    public async Task Answer_AddressNobodyCanSendFrom_LeavesTheChoiceToTheKernel()
    {
        var calls = new ScriptedCalls { OnSend = call => call == 0 ? -LinuxSocketCalls.Invalid : 0 };
        var options = Options(enableBatching: true);
        options.Calls = calls;
        var listener = await ListenAsync(options, "udp://0.0.0.0:0");
        var client = await ConnectAsync(new Uri($"udp://127.0.0.1:{listener.LocalAddress.Port}"));
        var server = await FirstAsync(client, listener);
        await ExpectEchoesAsync(client, server);
        server.GetFeature<IUdpStatisticsFeature>()!.SendErrors.Should().Be(0);
    }

    [Fact(Timeout = HangTimeout)]
    public async Task LocalAddress_WhereTheKernelDoesNotTell_IsTheListeners()
    {
        var options = Options(enableBatching: true);
        options.Calls = new ScriptedCalls { TellsLocal = false };
        var listener = await ListenAsync(options, "udp://0.0.0.0:0");
        var client = await ConnectAsync(new Uri($"udp://127.0.0.1:{listener.LocalAddress.Port}"));
        await client.SendAsync("first"u8.ToArray(), Token);
        var server = await AcceptAsync(listener);
        server.LocalAddress.Should().Be(listener.LocalAddress);
        await server.ReceiveAsync(Token);
        await ExpectEchoesAsync(client, server);
    }

    private static UdpTransportOptions Options(bool enableBatching)
        => new() { EnableBatching = enableBatching, LimitAmplification = false, PeerQueueSize = 1024 * 1024 };

    private async Task<IMessageChannel> FirstAsync(IMessageChannel client, IMessageListener listener)
    {
        await client.SendAsync("first"u8.ToArray(), Token);
        var server = await AcceptAsync(listener);
        server.LocalAddress!.Host.Should().Be(client.RemoteAddress!.Host);
        server.LocalAddress.Port.Should().Be(listener.LocalAddress.Port);
        server.RemoteAddress.Should().Be(client.LocalAddress);
        (await server.ReceiveAsync(Token))!.Value.GetText().Should().Be("first");
        return server;
    }

    // One at a time, and in batches that the kernel may cut up and join, long enough for both readers to have changed to batches.
    private static async Task ExpectEchoesAsync(IMessageChannel client, IMessageChannel server)
    {
        for (var wave = 0; wave < 100; wave++)
        {
            var batch = Enumerable.Range(0, wave % 2 == 0 ? 1 : 20).Select(i => (Message)Enumerable.Repeat((byte)(wave + i), 50 + (i / 6)).ToArray()).ToArray();
            await client.SendAsync(batch, Token);
            foreach (var expected in batch)
            {
                (await server.ReceiveAsync(Token))!.Value.ToArray().Should().Equal(expected.ToArray());
            }

            await server.SendAsync(batch, Token);
            foreach (var expected in batch)
            {
                (await client.ReceiveAsync(Token))!.Value.ToArray().Should().Equal(expected.ToArray());
            }
        }
    }
}
