using System.Net;
using System.Net.Sockets;

namespace Transports.Udp.Tests;

public sealed class UdpChannelTests : UdpFixture
{
    [Theory(Timeout = HangTimeout)]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Send_BatchOfMixedSizes_EachArrivesAsItself(bool enableBatching)
    {
        var options = new UdpTransportOptions { EnableBatching = enableBatching };
        var listener = await ListenAsync(options);
        var (client, server) = await OpenAsync(listener, options);
        int[] sizes = [100, 100, 100, 40, 0, 0, 1200, 1200, 1, 1, 1, 1, 700, 701, 700, 0, 100];
        var sent = sizes.Select((size, i) => Enumerable.Repeat((byte)i, size).ToArray()).ToArray();
        await client.SendAsync(sent.Select(payload => (Message)payload).ToArray(), Token);
        foreach (var expected in sent)
        {
            (await server.ReceiveAsync(Token))!.Value.ToArray().Should().Equal(expected);
        }

        await client.FlushAsync(Token);
        var counted = client.GetFeature<IUdpStatisticsFeature>()!;
        counted.DatagramsSent.Should().Be(1 + sizes.Length);
        counted.BytesSent.Should().Be(5 + sizes.Sum());
        server.GetFeature<IUdpStatisticsFeature>()!.DatagramsReceived.Should().Be(1 + sizes.Length);
    }

    [Theory(Timeout = HangTimeout)]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Send_BatchLargerThanOneWrite_TearsNoDatagram(bool enableBatching)
    {
        // 480 KiB at once: more than the engine hands on in one piece of a stream.
        const int Count = 401;
        const int Size = 1193;
        var options = new UdpTransportOptions { EnableBatching = enableBatching };
        var listener = await ListenAsync(options);
        var (client, server) = await OpenAsync(listener, options);

        await client.SendAsync(Enumerable.Range(0, Count).Select(static i => (Message)Enumerable.Repeat((byte)i, Size).ToArray()).ToArray(), Token);
        await client.FlushAsync(Token);

        var counted = client.GetFeature<IUdpStatisticsFeature>()!;
        counted.DatagramsSent.Should().Be(1 + Count);
        counted.BytesSent.Should().Be(5 + (Count * Size));
        var received = await server.ReceiveAsync(Token);
        received!.Value.Length.Should().Be(Size);
        client.Closed.IsCompleted.Should().BeFalse();
    }

    [Theory(Timeout = HangTimeout)]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Receive_LongRunOfDatagrams_BatchedReadsKeepEachApart(bool enableBatching)
    {
        var options = new UdpTransportOptions { EnableBatching = enableBatching, PeerQueueSize = 16 * 1024 * 1024, LimitAmplification = false };
        var listener = await ListenAsync(options);
        var (client, server) = await OpenAsync(listener, options);

        // Waves small enough for any socket's buffer, long enough for both readers to have changed to batches.
        for (var wave = 0; wave < 100; wave++)
        {
            var batch = Enumerable.Range(0, 50).Select(i => (Message)Enumerable.Repeat((byte)(wave + i), 1 + ((wave * 7) + (i / 9)) % 600).ToArray()).ToArray();
            await client.SendAsync(batch, Token);
            await ExpectAsync(server, batch);
            await server.SendAsync(batch, Token);
            await ExpectAsync(client, batch);
        }

        static async Task ExpectAsync(IMessageChannel channel, Message[] batch)
        {
            foreach (var expected in batch)
            {
                (await channel.ReceiveAsync(Token))!.Value.ToArray().Should().Equal(expected.ToArray());
            }
        }
    }

    [Fact(Timeout = HangTimeout)]
    public async Task ZeroLengthDatagram_BothWays_IsAMessage()
    {
        var listener = await ListenAsync();
        using var bare = Bare(listener.LocalAddress);
        await bare.SendAsync(Array.Empty<byte>(), SocketFlags.None, Token);
        var server = await AcceptAsync(listener);
        (await server.ReceiveAsync(Token))!.Value.Length.Should().Be(0);
        await server.SendAsync(Array.Empty<byte>(), Token);
        (await bare.ReceiveAsync(new byte[10], SocketFlags.None, Token)).Should().Be(0);
    }

    [Fact(Timeout = HangTimeout)]
    public async Task Send_AtAndOverTheLimit_LargestGoesAndLargerIsRefused()
    {
        var options = new UdpTransportOptions { MaxMessageSize = UdpTransportOptions.MaxDatagramSize };
        var listener = await ListenAsync(options);
        var (client, server) = await OpenAsync(listener, options);
        var largest = new byte[UdpTransportOptions.MaxDatagramSize];
        Random.Shared.NextBytes(largest);
        await client.SendAsync(largest, Token);
        (await server.ReceiveAsync(Token))!.Value.ToArray().Should().Equal(largest);
        var refused = await client.Invoking(channel => channel.SendAsync(new byte[largest.Length + 1], Token).AsTask())
            .Should().ThrowAsync<MessageTooLargeException>();
        refused.Which.Limit.Should().Be(UdpTransportOptions.MaxDatagramSize);
        client.Closed.IsCompleted.Should().BeFalse();
    }

    [Theory(Timeout = HangTimeout)]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Receive_DatagramOverTheLimit_IsDroppedAndCountedAndTheChannelGoesOn(bool enableBatching)
    {
        var listener = await ListenAsync(new UdpTransportOptions { MaxMessageSize = 100, EnableBatching = enableBatching });
        using var bare = Bare(listener.LocalAddress);
        await bare.SendAsync(new byte[100], SocketFlags.None, Token);
        var server = await AcceptAsync(listener);
        await bare.SendAsync(new byte[101], SocketFlags.None, Token);
        await bare.SendAsync("after"u8.ToArray(), SocketFlags.None, Token);
        (await server.ReceiveAsync(Token))!.Value.Length.Should().Be(100);
        (await server.ReceiveAsync(Token))!.Value.GetText().Should().Be("after");
        server.GetFeature<IUdpStatisticsFeature>()!.DroppedTooLarge.Should().Be(1);
    }

    [Fact(Timeout = HangTimeout)]
    public async Task Receive_NobodyListens_EndsWithConnectionLost()
    {
        Uri gone;
        await using (var listener = await new UdpTransport().ListenAsync(new Uri("udp://localhost:0"), Token))
        {
            gone = listener.LocalAddress;
        }

        var client = await ConnectAsync(gone);
        await client.SendAsync("anybody?"u8.ToArray(), Token);
        var ended = await client.Invoking(channel => channel.ReceiveAsync(Token).AsTask()).Should().ThrowAsync<MessageChannelClosedException>();
        ended.Which.CloseInfo.Status.Should().Be(ChannelCloseStatus.ConnectionLost);
        ended.Which.CloseInfo.ProtocolErrorCode.Should().Be((long)SocketError.ConnectionRefused);
        (await client.Closed).IsRemote.Should().BeTrue();
    }

    [Fact]
    public void Characteristics_TellTheTruth()
    {
        var promised = new UdpTransport().GetCharacteristics("udp");
        promised.Should().Be(new ChannelCharacteristics { PreservesMessageBoundaries = true, MaxMessageSize = 1200 });
        promised.IsReliable.Should().BeFalse();
        promised.IsOrdered.Should().BeFalse();
    }

    [Fact(Timeout = HangTimeout)]
    public async Task Listen_OnAnyAddress_HearsIPv4AndIPv6()
    {
        Requirement.SkipUnless(Socket.OSSupportsIPv6, "ipv6", "This machine has no IPv6.");
        var listener = await ListenAsync(address: "udp://[::]:0");
        foreach (var host in new[] { "127.0.0.1", "[::1]" })
        {
            var client = await ConnectAsync(new Uri($"udp://{host}:{listener.LocalAddress.Port}"));
            await client.SendAsync("hello"u8.ToArray(), Token);
            var server = await AcceptAsync(listener);
            server.RemoteAddress!.Host.Should().Be(host);
            (await server.ReceiveAsync(Token))!.Value.GetText().Should().Be("hello");
            await server.SendAsync("reply"u8.ToArray(), Token);
            (await client.ReceiveAsync(Token))!.Value.GetText().Should().Be("reply");
        }
    }

    [Fact]
    public void Options_OutOfRange_SayTheRange()
    {
        var tooLarge = () => new UdpTransport(new UdpTransportOptions { MaxMessageSize = 65_508 });
        tooLarge.Should().Throw<ArgumentOutOfRangeException>().WithMessage("*65507*");
        var noGroup = () => new UdpTransport(new UdpTransportOptions { MulticastGroups = { IPAddress.Loopback } });
        noGroup.Should().Throw<ArgumentException>().WithMessage("*224.0.0.0/4*");
    }

    [Fact(Timeout = HangTimeout)]
    public async Task Connect_NameNotFoundInTime_SaysWhichTimeout()
    {
        var transport = new UdpTransport(new UdpTransportOptions { TimeProvider = new HurriedTime() });
        await transport.Invoking(one => one.ConnectAsync(new Uri("udp://no-such-host.invalid:1"), Token).AsTask())
            .Should().ThrowAsync<TransportException>().WithMessage("*ConnectTimeout*");
    }

    [Theory]
    [InlineData("udp://localhost", "*udp://localhost:5000*")]
    [InlineData("udp://localhost:0", "*write the port of the server*")]
    [InlineData("udp://localhost:1/path", "*udp://localhost:5000*more after them*")]
    [InlineData("tcp://localhost:1", "*udp://localhost:5000*")]
    public async Task Connect_AddressThatCannotBeConnected_SaysWhatToWrite(string address, string text)
    {
        var refused = await this.Invoking(_ => new UdpTransport().ConnectAsync(new Uri(address), Token).AsTask()).Should().ThrowAsync<ArgumentException>();
        refused.WithMessage(text);
    }

    [Fact]
    public async Task Listen_AtAName_IsRefusedAsByEveryTransport()
        => (await new UdpTransport().Invoking(one => one.ListenAsync(new Uri("udp://example.test:0"), Token).AsTask()).Should().ThrowAsync<ArgumentException>())
            .WithMessage("*'example.test' is a name*localhost*[::]*");

    [Theory(Timeout = HangTimeout)]
    [InlineData("udp://127.0.0.1:0")]
    [InlineData("udp://[::]:0")]
    public async Task EndPoints_OfBothChannels_AreEachOthers(string address)
    {
        Requirement.SkipUnless(Socket.OSSupportsIPv6, "ipv6", "This machine has no IPv6.");
        var listener = await ListenAsync(address: address);
        var client = await ConnectAsync(new Uri($"udp://127.0.0.1:{listener.LocalAddress.Port}"));
        await client.SendAsync("hello"u8.ToArray(), Token);
        var server = await AcceptAsync(listener);

        var atClient = client.GetFeature<IConnectionEndPointFeature>()!;
        var atServer = server.GetFeature<IConnectionEndPointFeature>()!;
        atServer.RemoteEndPoint.Should().Be(atClient.LocalEndPoint);
        ((IPEndPoint)atServer.LocalEndPoint!).Port.Should().Be(((IPEndPoint)atClient.RemoteEndPoint!).Port);
    }

    /// <summary>Every timer is due when it is made: a timeout is over before what it bounds begins.</summary>
    private sealed class HurriedTime : TimeProvider
    {
        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            callback(state);
            return System.CreateTimer(static _ => { }, null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        }
    }
}
