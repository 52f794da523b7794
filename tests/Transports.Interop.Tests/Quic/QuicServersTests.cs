namespace Transports.Interop.Tests;

/// <summary>Our QUIC client, with another program's server: Cloudflare's quiche.</summary>
public sealed class QuicServersTests : IDisposable
{
    private readonly QuicPeers _peers;

    public QuicServersTests()
    {
        QuicPeers.Require();
        _peers = new QuicPeers();
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _peers.Dispose();

    [Fact(Timeout = 60_000)]
    public async Task Messages_OfAllLengths_ComeBackAsTheyWere()
    {
        await using var server = Start();
        await using var channel = await ConnectAsync(await AddressAsync(server));
        foreach (var length in new[] { 0, 1, 63, 64, 16_383, 70_000, 1_000_000 })
        {
            var bytes = new byte[length];
            new Random(length).NextBytes(bytes);
            await channel.SendAsync(bytes, Token);
            (await channel.ReceiveAsync(Token))!.Value.ToArray().Should().Equal(bytes);
        }

        for (var i = 0; i < 1000; i++)
        {
            await channel.SendAsync($"message {i}", Token);
        }

        for (var i = 0; i < 1000; i++)
        {
            (await channel.ReceiveAsync(Token))!.Value.GetText().Should().Be($"message {i}");
        }
    }

    [Fact(Timeout = 60_000)]
    public async Task CompleteSending_HalfCloses_TheServerAnswersAfterOurEnd()
    {
        await using var server = Start();
        await using var channel = await ConnectAsync(await AddressAsync(server));
        await channel.SendAsync("half", Token);
        await channel.CompleteSendingAsync(Token);
        (await channel.ReceiveAsync(Token))!.Value.GetText().Should().Be("after the end");
        (await channel.ReceiveAsync(Token)).Should().BeNull();
        (await server.ReadUntilAsync("end")).Should().EndWith("end");
    }

    [Fact(Timeout = 60_000)]
    public async Task Channels_OfOneConnection_GoOnSideBySide()
    {
        await using var server = Start();
        await using var first = await ConnectAsync(await AddressAsync(server));
        var connection = first.GetFeature<IMultiplexedConnectionFeature>()!;
        await Task.WhenAll(Enumerable.Range(0, 10).Select(async i =>
        {
            await using var channel = await connection.OpenChannelAsync(Token);
            for (var j = 0; j < 50; j++)
            {
                await channel.SendAsync($"{i}/{j}", Token);
                (await channel.ReceiveAsync(Token))!.Value.GetText().Should().Be($"{i}/{j}");
            }
        }));

        // Nine and one ended, and took nothing with them.
        await first.SendAsync("still here", Token);
        (await first.ReceiveAsync(Token))!.Value.GetText().Should().Be("still here");
    }

    [Fact(Timeout = 60_000)]
    public async Task AcceptChannel_OpenedByTheServer_DeliversAndAnswers()
    {
        await using var server = Start();
        await using var first = await ConnectAsync(await AddressAsync(server));
        await first.SendAsync("open", Token);
        await using var opened = await first.GetFeature<IMultiplexedConnectionFeature>()!.AcceptChannelAsync(Token);
        (await opened!.ReceiveAsync(Token))!.Value.GetText().Should().Be("opened by the server");
        (await opened.ReceiveAsync(Token)).Should().BeNull();
    }

    [Theory(Timeout = 60_000)]
    [InlineData("reset 8", ChannelCloseStatus.ConnectionLost, 8)]
    [InlineData("reset 3", ChannelCloseStatus.MessageTooLarge, 3)]
    [InlineData("reset 0", ChannelCloseStatus.ConnectionLost, 0)]
    [InlineData("reset 1000", ChannelCloseStatus.ConnectionLost, 1000)]
    [InlineData("close-connection 4", ChannelCloseStatus.PolicyViolation, 4)]
    [InlineData("close-connection 1", ChannelCloseStatus.ConnectionLost, 1)]
    public async Task End_ByTheServerWithACode_SaysWhich(string order, ChannelCloseStatus expected, long code)
    {
        await using var server = Start();
        await using var channel = await ConnectAsync(await AddressAsync(server));
        await channel.SendAsync(order, Token);
        var receive = async () => await channel.ReceiveAsync(Token);
        (await receive.Should().ThrowAsync<MessageChannelClosedException>()).Which.CloseInfo.Should()
            .BeEquivalentTo(new { Status = expected, IsRemote = true, ProtocolErrorCode = (long?)code });
    }

    [Theory(Timeout = 60_000)]
    [InlineData(1, ChannelCloseStatus.GoingAway)]
    [InlineData(4, ChannelCloseStatus.PolicyViolation)]
    public async Task Close_ByTheServerWithAStatus_ComesAfterItsMessages(int code, ChannelCloseStatus expected)
    {
        await using var server = Start();
        await using var channel = await ConnectAsync(await AddressAsync(server));
        await channel.SendAsync($"close {code}", Token);
        (await channel.ReceiveAsync(Token))!.Value.GetText().Should().Be("as you wish");
        var receive = async () => await channel.ReceiveAsync(Token);
        if (expected == ChannelCloseStatus.GoingAway)
        {
            (await receive()).Should().BeNull();
        }
        else
        {
            await receive.Should().ThrowAsync<MessageChannelClosedException>();
        }

        (await channel.Closed).Should().BeEquivalentTo(new { Status = expected, IsRemote = true, ProtocolErrorCode = (long?)code });
    }

    [Theory(Timeout = 60_000)]
    [InlineData(ChannelCloseStatus.Normal, 0)]
    [InlineData(ChannelCloseStatus.PolicyViolation, 4)]
    public async Task Close_OfTheLastChannel_ClosesTheConnectionWithItsStatus(ChannelCloseStatus status, long code)
    {
        await using var server = Start();
        var channel = await ConnectAsync(await AddressAsync(server));
        await channel.SendAsync("hello", Token);
        (await channel.ReceiveAsync(Token))!.Value.GetText().Should().Be("hello");
        await channel.CloseAsync(status, cancellationToken: Token);
        (await server.ReadUntilAsync("closed")).Should().EndWith($"closed true {code}");
    }

    [Fact(Timeout = 60_000)]
    public async Task Abort_OfOneChannel_ReachesTheServerAsItsCode()
    {
        await using var server = Start();
        await using var first = await ConnectAsync(await AddressAsync(server));
        await using var second = await first.GetFeature<IMultiplexedConnectionFeature>()!.OpenChannelAsync(Token);
        await second.SendAsync("hello", Token);
        (await second.ReceiveAsync(Token))!.Value.GetText().Should().Be("hello");
        second.Abort();
        (await server.ReadUntilAsync(" 8")).Should().EndWith("read 8");
        await first.SendAsync("still here", Token);
        (await first.ReceiveAsync(Token))!.Value.GetText().Should().Be("still here");
    }

    [Fact(Timeout = 60_000)]
    public async Task Connect_OtherApplicationProtocol_SaysWhatToCheck()
    {
        await using var server = Start("something-else/1");
        var address = await AddressAsync(server);
        var connect = async () => await ConnectAsync(address);
        (await connect.Should().ThrowAsync<TransportException>()).WithMessage("*'transports/1'*");
    }

    [Fact(Timeout = 60_000)]
    public async Task Connect_CertificateNotTrusted_IsRefused()
    {
        await using var server = Start();
        var address = await AddressAsync(server);
        var connect = async () => await new QuicTransport().ConnectAsync(address, Token);
        (await connect.Should().ThrowAsync<TransportException>()).WithMessage("*certificate is trusted*");
        await using var channel = await ConnectAsync(address);
        await channel.SendAsync("who trusts is served", Token);
        (await channel.ReceiveAsync(Token))!.Value.GetText().Should().Be("who trusts is served");
    }

    private static async Task<Uri> AddressAsync(Peer server) => new($"quic://127.0.0.1:{await server.ReadLineAsync()}");

    private Peer Start(string? alpn = null)
        => Peer.Start("node", "Quic/quic_server.mjs", _peers.CertificateFile, _peers.KeyFile, alpn ?? QuicTransportOptions.DefaultApplicationProtocol.ToString());

    private ValueTask<IMessageChannel> ConnectAsync(Uri address) => new QuicTransport(_peers.Options()).ConnectAsync(address, Token);
}
