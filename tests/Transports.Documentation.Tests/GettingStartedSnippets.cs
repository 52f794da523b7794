using System.Text.Json.Serialization;
using Microsoft.Extensions.DependencyInjection;

namespace Transports.Documentation.Tests;

/// <summary>The code of docs/getting-started.md, as it runs.</summary>
public sealed partial class GettingStartedSnippets
{
    [Fact]
    public async Task Json_AsShown_ArrivesAsObjects()
    {
        var (client, server) = await ConnectAsync();
        await using var disposingServer = server;

        // snippet: typed-json
        await using var orders = client.WithJson(ShopJson.Default.Order);
        await orders.SendAsync(new Order("A-17", 3));
        // end snippet

        await using var received = server.WithJson(ShopJson.Default.Order);
        (await received.ReceiveAsync()).Value.Should().Be(new Order("A-17", 3));
    }

    [Fact]
    public async Task Protobuf_AsShown_ArrivesAsMessages()
    {
        var (client, server) = await ConnectAsync();
        await using var disposingClient = client;

        // snippet: typed-protobuf
        await using var readings = server.WithProtobuf<SensorReading>();
        await readings.SendAsync(new SensorReading { Sensor = "roof", Celsius = 21.5 });
        // end snippet

        await using var received = client.WithProtobuf<SensorReading>();
        (await received.ReceiveAsync()).Value.Celsius.Should().Be(21.5);
    }

    [Fact]
    public async Task KeepingAMessage_AsShown_OutlivesTheLoan()
    {
        var (client, server) = await ConnectAsync();
        await using var disposingClient = client;
        await using var disposingServer = server;
        await client.SendAsync("first");
        await client.SendAsync("second");
        var channel = server;

        // snippet: retain
        var message = await channel.ReceiveAsync() ?? throw new EndOfStreamException();
        using var kept = message.Retain();

        // From here on message.Payload throws: its memory holds what came next. What was kept does not.
        await channel.ReceiveAsync();
        var text = kept.Message.GetText();
        // end snippet

        text.Should().Be("first");
    }

    [Fact]
    public async Task Batch_AsShown_ArrivesInOrder()
    {
        var (client, server) = await ConnectAsync();
        await using var disposingClient = client;
        await using var disposingServer = server;
        var lines = new List<string>();
        void Handle(Message message) => lines.Add(message.GetText());
        var channel = client;

        // snippet: batch
        Message[] batch = [Message.FromText("one"), Message.FromText("two"), Message.FromText("three")];
        await channel.SendAsync(batch);
        // end snippet

        await channel.CompleteSendingAsync();
        channel = server;

        // snippet: drain
        while (await channel.ReceiveAsync() is { } message)
        {
            do
            {
                Handle(message);
            }
            while (channel.TryReceive(out message));
        }

        // end snippet
        lines.Should().Equal("one", "two", "three");
    }

    [Fact(Timeout = 30_000)]
    public async Task TrySend_AsShown_HoldsNobodyUp()
    {
        var (client, server) = await ConnectAsync();
        await using var disposingClient = client;
        await using var disposingServer = server;
        IMessageChannel[] members = [client];
        var update = new byte[1000];
        var missed = 0;
        while (missed == 0)
        {
            // snippet: try-send
            foreach (var member in members)
            {
                if (!member.TrySend(update))
                {
                    // Its buffer is full, or others wait for room: this one misses an update.
                    missed++;
                }
            }

            // end snippet
        }

        (await server.ReceiveAsync())!.Value.Length.Should().Be(update.Length);
        client.Closed.IsCompleted.Should().BeFalse();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Relay_AsShown_EndsBothSidesWhenOneEnds(bool upstreamEnds)
    {
        var (client, accepted) = await ConnectAsync();
        var (connected, upstream) = await ConnectAsync();
        await using var disposingClient = client;
        await using var disposingUpstream = upstream;
        var relaying = RelayAsync(accepted, connected, CancellationToken.None);

        await client.SendAsync("question");
        (await upstream.ReceiveAsync())!.Value.GetText().Should().Be("question");
        await upstream.SendAsync("answer");
        (await client.ReceiveAsync())!.Value.GetText().Should().Be("answer");
        await (upstreamEnds ? upstream : client).CloseAsync();

        (await (upstreamEnds ? client : upstream).ReceiveAsync()).Should().BeNull();
        await relaying;
    }

    [Fact]
    public async Task Handler_AsShown_FinishesItsWorkWhenTheServerStops()
    {
        await using var provider = Services().BuildServiceProvider();
        var transports = provider.GetRequiredService<IMessageChannelFactory>();
        await using var server = new MessageServer(transports, new Uri("tcp://localhost:0"), ServeAsync);
        await server.StartAsync();
        await using var client = await transports.ConnectAsync(server.LocalAddress!);
        await client.SendAsync("order");
        (await client.ReceiveAsync())!.Value.GetText().Should().Be("done: order");

        await server.StopAsync();

        (await client.ReceiveAsync())!.Value.GetText().Should().Be("goodbye");
        (await client.ReceiveAsync()).Should().BeNull();
    }

    [Fact]
    public async Task UnknownScheme_AsDescribed_NamesTheCallThatAddsIt()
    {
        await using var provider = Services().BuildServiceProvider();
        var transports = provider.GetRequiredService<IMessageChannelFactory>();

        var connecting = async () => await transports.ConnectAsync(new Uri("udp://localhost:5000"));

        (await connecting.Should().ThrowAsync<NotSupportedException>()).WithMessage("*AddUdp()*");
    }

    // snippet: relay
    private static async Task RelayAsync(IMessageChannel client, IMessageChannel upstream, CancellationToken cancellationToken)
    {
        var up = client.CopyToAsync(upstream, cancellationToken);
        var down = upstream.CopyToAsync(client, cancellationToken);

        // The first end ends both: the other direction would wait for a message that has nobody to go to.
        await Task.WhenAny(up, down);
        await client.DisposeAsync();
        await upstream.DisposeAsync();
        await Task.WhenAll(up, down).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }
    // end snippet

    // snippet: shutdown
    private static async Task ServeAsync(IMessageChannel channel, CancellationToken stoppingToken)
    {
        try
        {
            while (await channel.ReceiveAsync(stoppingToken) is { } order)
            {
                // Work begun is finished: its sends do not watch the token.
                await channel.SendAsync($"done: {order.GetText()}", CancellationToken.None);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            await channel.SendAsync("goodbye", CancellationToken.None);
        }
    }
    // end snippet

    private static IServiceCollection Services()
    {
        var services = new ServiceCollection();
        services.AddTransports().AddMemory().AddTcp();
        return services;
    }

    private static async Task<(IMessageChannel Client, IMessageChannel Server)> ConnectAsync()
    {
        await using var provider = Services().BuildServiceProvider();
        var transports = provider.GetRequiredService<IMessageChannelFactory>();
        await using var listener = await transports.ListenAsync(new Uri("tcp://localhost:0"));
        var accepting = listener.AcceptAsync();
        var client = await transports.ConnectAsync(listener.LocalAddress);
        return (client, await accepting ?? throw new EndOfStreamException());
    }

    // snippet: json-types
    public sealed record Order(string Article, int Count);

    [JsonSerializable(typeof(Order))]
    public sealed partial class ShopJson : JsonSerializerContext;
    // end snippet
}
