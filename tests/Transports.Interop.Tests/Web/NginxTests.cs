namespace Transports.Interop.Tests;

/// <summary>Our clients and our server with nginx between. Each message is received before the next is sent, so none may be held back.</summary>
public sealed class NginxTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact(Timeout = 60_000)]
    public async Task WebSocket_ThroughNginx_GoesBothWays()
    {
        await using var server = await WebServer.StartAsync(Echo.HandleAsync);
        await using var nginx = await Nginx.StartAsync(server.Port);
        using var transport = new WebSocketTransport();
        await using var channel = await transport.ConnectAsync(nginx.Address("ws"), Token);

        await EchoesAsync(channel);
        await channel.SendAsync("close GoingAway", Token);
        (await channel.ReceiveAsync(Token)).Should().BeNull();
        (await channel.Closed).Should().BeEquivalentTo(new { Status = ChannelCloseStatus.GoingAway, Description = "as you wish – ✓" });
    }

    [Fact(Timeout = 60_000)]
    public async Task DuplexSse_ThroughNginx_GoesBothWays()
    {
        await using var server = await WebServer.StartAsync(Echo.HandleAsync);
        await using var nginx = await Nginx.StartAsync(server.Port);
        using var transport = new SseTransport();
        await using var channel = await transport.ConnectAsync(nginx.Address("sse+http", "?duplex"), Token);

        await EchoesAsync(channel);
        await channel.SendAsync("close GoingAway", Token);
        (await channel.ReceiveAsync(Token)).Should().BeNull();
        (await channel.Closed).Should().BeEquivalentTo(new { Status = ChannelCloseStatus.GoingAway, Description = "as you wish – ✓" });
    }

    [Fact(Timeout = 60_000)]
    public async Task EventSource_ThroughNginx_GetsEachEventAtOnce()
    {
        Peer.RequireNode("eventsource");
        var told = new Told();
        await using var server = await WebServer.StartAsync(told.HandleAsync);
        await using var nginx = await Nginx.StartAsync(server.Port);
        await using var client = Peer.Start("node", "Web/sse_client.js", nginx.Address("http").AbsoluteUri);
        await client.ReadUntilAsync("\"open\"");

        for (var i = 0; i < 10; i++)
        {
            told.Say($"event {i}");
            (await client.ReadLineAsync()).Should().Contain($"\"event {i}\"");
        }
    }

    [Fact(Timeout = 60_000)]
    public async Task DuplexSse_NginxRestarted_LosesNothing()
    {
        const int Messages = 100;
        await using var server = await WebServer.StartAsync(Echo.HandleAsync);
        await using var nginx = await Nginx.StartAsync(server.Port);
        using var transport = new SseTransport(new SseTransportOptions { ReconnectDelay = TimeSpan.FromMilliseconds(20) });
        await using var channel = await transport.ConnectAsync(nginx.Address("sse+http", "?duplex"), Token);
        await EchoesAsync(channel);

        await nginx.StopAsync();
        var sending = Task.Run(
            async () =>
            {
                for (var i = 0; i < Messages; i++)
                {
                    await channel.SendAsync($"message {i}", Token);
                }
            },
            Token);
        await nginx.StartAsync();

        for (var i = 0; i < Messages; i++)
        {
            (await channel.ReceiveAsync(Token))!.Value.GetText().Should().Be($"message {i}");
        }

        await sending;
    }

    private static async Task EchoesAsync(IMessageChannel channel)
    {
        for (var i = 0; i < 10; i++)
        {
            await channel.SendAsync($"message {i}", Token);
            (await channel.ReceiveAsync(Token))!.Value.GetText().Should().Be($"message {i}");
        }

        // More than nginx keeps in memory of a request, or of an answer.
        var large = new byte[500_000];
        new Random(1).NextBytes(large);
        await channel.SendAsync(large, Token);
        (await channel.ReceiveAsync(Token))!.Value.ToArray().Should().Equal(large);
    }
}
