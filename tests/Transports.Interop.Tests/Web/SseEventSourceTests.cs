using System.Text.Json;
using System.Threading.Channels;

namespace Transports.Interop.Tests;

/// <summary>Node's <c>eventsource</c> package, with our server.</summary>
public sealed class SseEventSourceTests
{
    private static readonly MessageChannelEndpointOptions s_options = new() { Sse = { ReconnectDelay = TimeSpan.FromMilliseconds(20) } };

    [Fact(Timeout = 60_000)]
    public async Task Events_OfAllSorts_Arrive()
    {
        var told = new Told();
        await using var server = await WebServer.StartAsync(told.HandleAsync, s_options);
        await using var client = await StartAsync(server);

        told.Say("Größe ✓ 𝄞");
        (await NextAsync(client)).Should().Be("message: Größe ✓ 𝄞");
        told.Say("two\nlines\n");
        (await NextAsync(client)).Should().Be("message: two\nlines\n");
        told.Say("");
        (await NextAsync(client)).Should().Be("message: ");
        told.Do(static channel => channel.SendAsync(new byte[] { 0, 255 }));
        (await NextAsync(client)).Should().Be("binary: AP8=");
        told.Do(static channel => channel.GetFeature<ISseFeature>()!.SendEventAsync("news", "named"));
        (await NextAsync(client)).Should().Be("news: named");
        told.Say(new string('x', 300_000));
        (await NextAsync(client)).Should().Be("message: " + new string('x', 300_000));
        told.Finish();
        (await NextAsync(client)).Should().StartWith("close: Normal");
    }

    [Fact(Timeout = 60_000)]
    public async Task Client_CutOffAgainAndAgain_ComesBackToEveryEventOnce()
    {
        const int Rounds = 5;
        const int EventsInRound = 20;
        var told = new Told();
        await using var server = await WebServer.StartAsync(told.HandleAsync, s_options);
        await using var client = await StartAsync(server);
        told.Say("begin");
        (await NextAsync(client)).Should().Be("message: begin");

        var number = 0;
        for (var round = 0; round < Rounds; round++)
        {
            server.Requests.CutOff(static _ => true);
            (await client.ReadUntilAsync("\"error\"")).Should().HaveCountGreaterThan(0);
            for (var i = 0; i < EventsInRound; i++)
            {
                told.Say($"{number + i}");
            }

            server.Requests.Restore();
            for (var i = 0; i < EventsInRound; i++)
            {
                (await NextAsync(client)).Should().Be($"message: {number++}");
            }
        }
    }

    [Fact(Timeout = 60_000)]
    public async Task Session_Ended_IsGoneForAClientThatComesBack()
    {
        var told = new Told();
        await using var server = await WebServer.StartAsync(told.HandleAsync, s_options);
        await using var client = await StartAsync(server);

        told.Say("first");
        (await NextAsync(client)).Should().Be("message: first");
        told.Finish();

        // EventSource comes back after any end of the stream; it is refused, and stops for good.
        await client.ReadUntilAsync("\"closed\":true");
    }

    [Fact(Timeout = 60_000)]
    public async Task Duplex_PostsByFetch_ArriveInOrder()
    {
        Peer.RequireNode("eventsource");
        var received = Channel.CreateUnbounded<string>();
        await using var server = await WebServer.StartAsync(
            async (channel, stoppingToken) =>
            {
                await foreach (var message in channel.ReceiveAllAsync(stoppingToken))
                {
                    received.Writer.TryWrite($"{message.Kind} {message.GetText()}");
                    await channel.SendAsync(message, stoppingToken);
                }
            },
            s_options);
        await using var client = Peer.Start("node", "Web/sse_client.js", server.Address("http", "?duplex").AbsoluteUri);
        await client.ReadUntilAsync("\"session\"");

        foreach (var text in new[] { "Größe ✓", "second" })
        {
            await client.WriteLineAsync(text);
            await client.ReadUntilAsync("\"status\":204");
            (await received.Reader.ReadAsync(TestContext.Current.CancellationToken)).Should().Be($"Text {text}");
        }
    }

    [Fact(Timeout = 60_000)]
    public async Task Duplex_CutOffBeforeTheFirstMessage_ComesBackToTheSameSession()
    {
        Peer.RequireNode("eventsource");
        var told = new Told();
        await using var server = await WebServer.StartAsync(told.HandleAsync, s_options);
        await using var client = Peer.Start("node", "Web/sse_client.js", server.Address("http", "?duplex").AbsoluteUri);
        await client.ReadUntilAsync("\"session\"");

        server.Requests.CutOff(static _ => true);
        await client.ReadUntilAsync("\"error\"");
        told.Say("while away");
        server.Requests.Restore();

        (await NextAsync(client)).Should().Be("message: while away");
    }

    private static async Task<Peer> StartAsync(WebServer server)
    {
        Peer.RequireNode("eventsource");
        var client = Peer.Start("node", "Web/sse_client.js", server.Address("http").AbsoluteUri);
        await client.ReadUntilAsync("\"open\"");
        return client;
    }

    // The next event, whatever happened to the stream before it.
    private static async Task<string> NextAsync(Peer client)
    {
        while (true)
        {
            using var line = JsonDocument.Parse(await client.ReadLineAsync());
            var type = line.RootElement.GetProperty("type").GetString();
            if (type is not ("open" or "error"))
            {
                return $"{type}: {line.RootElement.GetProperty("data").GetString()}";
            }
        }
    }
}
