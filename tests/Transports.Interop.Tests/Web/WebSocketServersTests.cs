namespace Transports.Interop.Tests;

/// <summary>Our WebSocket client, with other programs' servers.</summary>
public sealed class WebSocketServersTests
{
    public static TheoryData<string, bool> Servers => new() { { "node", false }, { "node", true }, { "python", false }, { "python", true } };

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory(Timeout = 60_000), MemberData(nameof(Servers))]
    public async Task Messages_OfAllSorts_ComeBackAsTheyWere(string language, bool compressed)
    {
        await using var server = Start(language, compressed);
        using var transport = new WebSocketTransport(new WebSocketTransportOptions { EnableCompression = compressed });
        await using var channel = await transport.ConnectAsync(await AddressAsync(server), Token);

        (await AskAsync(channel, "extensions")).Should().Be(compressed ? "permessage-deflate" : "");
        (await AskAsync(channel, "Größe ✓ 𝄞")).Should().Be("Größe ✓ 𝄞");
        foreach (var length in new[] { 0, 1, 125, 126, 65_535, 65_536, 300_000 })
        {
            var bytes = new byte[length];
            new Random(length).NextBytes(bytes);
            await channel.SendAsync(bytes, Token);
            var echoed = (await channel.ReceiveAsync(Token))!.Value;
            echoed.Kind.Should().Be(MessageKind.Binary);
            echoed.ToArray().Should().Equal(bytes);
        }

        (await AskAsync(channel, "")).Should().Be("");
        for (var i = 0; i < 2000; i++)
        {
            await channel.SendAsync($"message {i}", Token);
        }

        for (var i = 0; i < 2000; i++)
        {
            (await channel.ReceiveAsync(Token))!.Value.GetText().Should().Be($"message {i}");
        }
    }

    [Theory(Timeout = 60_000), MemberData(nameof(Servers))]
    public async Task Fragments_WithAPingBetween_AreOneMessage(string language, bool compressed)
    {
        await using var server = Start(language, compressed);
        using var transport = new WebSocketTransport(new WebSocketTransportOptions { EnableCompression = compressed });
        await using var channel = await transport.ConnectAsync(await AddressAsync(server), Token);

        (await AskAsync(channel, "fragments")).Should().Be("one two three");
        (await channel.ReceiveAsync(Token))!.Value.GetText().Should().Be("pong between");
    }

    [Theory(Timeout = 60_000), MemberData(nameof(Servers))]
    public async Task SubProtocol_Offered_IsTheServersChoice(string language, bool compressed)
    {
        await using var server = Start(language, compressed);
        var options = new WebSocketTransportOptions();
        options.SubProtocols.Add("chat.v2");
        using var transport = new WebSocketTransport(options);
        await using var channel = await transport.ConnectAsync(await AddressAsync(server), Token);

        (await AskAsync(channel, "protocol")).Should().Be("chat.v2");
        channel.GetFeature<IWebSocketFeature>()!.SubProtocol.Should().Be("chat.v2");
    }

    [Theory(Timeout = 60_000)]
    [InlineData("node", 1000, ChannelCloseStatus.Normal)]
    [InlineData("node", 1001, ChannelCloseStatus.GoingAway)]
    [InlineData("node", 1011, ChannelCloseStatus.InternalError)]
    [InlineData("node", 4001, ChannelCloseStatus.PolicyViolation)]
    [InlineData("python", 1000, ChannelCloseStatus.Normal)]
    [InlineData("python", 1001, ChannelCloseStatus.GoingAway)]
    [InlineData("python", 1011, ChannelCloseStatus.InternalError)]
    [InlineData("python", 4001, ChannelCloseStatus.PolicyViolation)]
    public async Task Close_ByTheServer_TellsWhy(string language, int code, ChannelCloseStatus expected)
    {
        await using var server = Start(language, compressed: false);
        using var transport = new WebSocketTransport();
        await using var channel = await transport.ConnectAsync(await AddressAsync(server), Token);

        await channel.SendAsync($"close {code}", Token);
        var receive = async () => await channel.ReceiveAsync(Token);
        if (expected is ChannelCloseStatus.Normal or ChannelCloseStatus.GoingAway)
        {
            (await receive()).Should().BeNull();
        }
        else
        {
            await receive.Should().ThrowAsync<MessageChannelClosedException>();
        }

        (await channel.Closed).Should().BeEquivalentTo(new { Status = expected, IsRemote = true, Description = "wie gewünscht", ProtocolErrorCode = (long)code });
        (await server.ReadLineAsync()).Should().StartWith($"closed {code}");
    }

    [Theory(Timeout = 60_000)]
    [InlineData("node", ChannelCloseStatus.Normal, "closed 1000 bis später")]
    [InlineData("node", ChannelCloseStatus.PolicyViolation, "closed 1008 bis später")]
    [InlineData("python", ChannelCloseStatus.Normal, "closed 1000 bis später")]
    [InlineData("python", ChannelCloseStatus.PolicyViolation, "closed 1008 bis später")]
    public async Task Close_ByUs_IsUnderstood(string language, ChannelCloseStatus status, string expected)
    {
        await using var server = Start(language, compressed: false);
        using var transport = new WebSocketTransport();
        await using var channel = await transport.ConnectAsync(await AddressAsync(server), Token);

        await channel.CloseAsync(status, "bis später", Token);

        (await server.ReadLineAsync()).Should().Be(expected);
    }

    [Theory(Timeout = 60_000)]
    [InlineData("node")]
    [InlineData("python")]
    public async Task Connection_BrokenByTheServer_IsNoCleanEnd(string language)
    {
        await using var server = Start(language, compressed: false);
        using var transport = new WebSocketTransport();
        await using var channel = await transport.ConnectAsync(await AddressAsync(server), Token);

        await channel.SendAsync("terminate", Token);

        var receive = async () => await channel.ReceiveAsync(Token);
        (await receive.Should().ThrowAsync<MessageChannelClosedException>()).Which.CloseInfo.Status.Should().Be(ChannelCloseStatus.ConnectionLost);
    }

    private static async Task<string> AskAsync(IMessageChannel channel, string text)
    {
        await channel.SendAsync(text, Token);
        var answer = (await channel.ReceiveAsync(Token))!.Value;
        answer.Kind.Should().Be(MessageKind.Text);
        return answer.GetText();
    }

    private static async Task<Uri> AddressAsync(Peer server) => new($"ws://127.0.0.1:{await server.ReadLineAsync()}/");

    private static Peer Start(string language, bool compressed)
    {
        string[] arguments = compressed ? ["compressed"] : [];
        if (language == "python")
        {
            Peer.RequireFile("/usr/lib/python3/dist-packages/websockets", "python3-websockets", "python3-websockets");
            return Peer.Start("python", "Web/websocket_server.py", arguments);
        }

        Peer.RequireNode("ws");
        return Peer.Start("node", "Web/websocket_server.js", arguments);
    }
}
