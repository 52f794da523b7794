using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Transports.Grpc.Tests;

/// <summary>A server that stops while streams are open and idle.</summary>
public class ShutdownTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    // The host's own patience is 30 seconds, and must not be what ends it.
    [Theory(Timeout = 20_000)]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(false, false)]
    public async Task StopAsync_ApplicationWithIdleStreams_ClientsAreToldAndItStops(bool isGrpcRoute, bool heedsTheToken)
    {
        await using var app = ScriptedServer.Build(HttpProtocols.Http2);
        app.UseRouting();
        using var opened = new CountdownEvent(3);
        async Task HandleAsync(IMessageChannel channel, CancellationToken stoppingToken)
        {
            opened.Signal();
            await channel.ReceiveAsync(heedsTheToken ? stoppingToken : CancellationToken.None);
        }

        var options = new MessageChannelEndpointOptions { ShutdownTimeout = TimeSpan.FromMilliseconds(heedsTheToken ? 60_000 : 50) };
        if (isGrpcRoute)
        {
            app.MapGrpcMessageChannel("shop.Orders/Watch", HandleAsync, options);
        }
        else
        {
            app.MapMessageChannel("/shop.Orders/Watch", HandleAsync, options);
        }

        await app.StartAsync(Token);
        using var transport = new GrpcTransport();
        var address = new Uri($"grpc+http://127.0.0.1:{new Uri(app.Urls.First()).Port}/shop.Orders/Watch");
        var clients = new List<IMessageChannel>();
        for (var i = 0; i < 3; i++)
        {
            clients.Add(await transport.ConnectAsync(address, Token));
        }

        await Task.Run(() => opened.Wait(Token), Token);

        await app.StopAsync(Token);

        foreach (var client in clients)
        {
            (await client.ReceiveAsync(Token)).Should().BeNull();
            (await client.Closed).Should().BeEquivalentTo(
                new { Status = ChannelCloseStatus.GoingAway, IsRemote = true, ProtocolErrorCode = (long)GrpcStatusCode.Unavailable });
            await client.DisposeAsync();
        }
    }

    [Fact(Timeout = 60_000)]
    public async Task StopAcceptingAsync_Listener_RefusesNewCallsAndServesTheOpenOneOn()
    {
        await using var pair = await GrpcPair.OpenAsync();
        using var transport = new GrpcTransport();
        var address = pair.Client.RemoteAddress!;

        await pair.Listener.StopAcceptingAsync(Token);

        await pair.Client.SendAsync(new byte[] { 1 }, Token);
        (await pair.Server.ReceiveAsync(Token))!.Value.ToArray().Should().Equal(1);
        (await pair.Listener.AcceptAsync(Token)).Should().BeNull();
        var call = async () =>
        {
            await using var late = await transport.ConnectAsync(address, Token);
            await late.ReceiveAsync(Token);
        };
        await call.Should().ThrowAsync<TransportException>("the port is closed");
    }

    [Fact(Timeout = 60_000)]
    public async Task DisposeAsync_ListenerWithIdleChannels_ReturnsAndTheChannelsGoOn()
    {
        await using var pair = await GrpcPair.OpenAsync();

        await pair.Listener.DisposeAsync();

        await pair.Server.SendAsync(new byte[] { 1 }, Token);
        (await pair.Client.ReceiveAsync(Token))!.Value.ToArray().Should().Equal(1);
    }

    [Fact(Timeout = 60_000)]
    public async Task StopAsync_MessageServer_IdleClientsAreToldAndItStops()
    {
        var opened = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var factory = new MessageChannelFactory([new KestrelTransport()]);
        await using var server = new MessageServer(factory, new Uri("grpc+http://localhost:0"), async (channel, stoppingToken) =>
        {
            opened.SetResult();
            await channel.ReceiveAsync(stoppingToken);
        });
        await server.StartAsync(Token);
        using var transport = new GrpcTransport();
        await using var client = await transport.ConnectAsync(server.LocalAddress!, Token);
        await opened.Task.WaitAsync(Token);

        await server.StopAsync(Token);

        (await client.ReceiveAsync(Token)).Should().BeNull();
        (await client.Closed).Should().BeEquivalentTo(new { Status = ChannelCloseStatus.GoingAway, IsRemote = true });
        var again = async () =>
        {
            // The client may learn only with the answer that its connection is being closed.
            await using var late = await transport.ConnectAsync(server.LocalAddress!, Token);
            await late.ReceiveAsync(Token);
        };
        await again.Should().ThrowAsync<TransportException>();
    }

    /// <summary>The response, its end, the reset of the request and the end of the connection arrive at once, at streams that still send.</summary>
    [Fact(Timeout = 60_000)]
    public async Task StopAsync_FirstAnswersAreTheLastMessages_ClientsThatSendGetThemAll()
    {
        const int Rounds = 5;
        const int Clients = 40;
        const int LastMessages = 20;
        for (var round = 0; round < Rounds; round++)
        {
            using var opened = new CountdownEvent(Clients);
            var factory = new MessageChannelFactory([new KestrelTransport()]);
            await using var server = new MessageServer(factory, new Uri("grpc+http://localhost:0"), async (channel, stopping) =>
            {
                opened.Signal();
                await ((Task)Task.Delay(Timeout.Infinite, stopping)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                for (var i = 0; i < LastMessages; i++)
                {
                    await channel.SendAsync(new byte[] { 1 }, CancellationToken.None);
                }
            });
            await server.StartAsync(Token);
            using var transport = new GrpcTransport();
            var clients = await Task.WhenAll(Enumerable.Range(0, Clients).Select(async _ => await transport.ConnectAsync(server.LocalAddress!, Token)));
            var sending = Task.WhenAll(clients.Select(client => Task.Run(() => SendUntilClosedAsync(client), Token)));
            var receiving = Task.WhenAll(clients.Select(client => Task.Run(() => CountAsync(client), Token)));
            await Task.Run(() => opened.Wait(Token), Token);

            await server.StopAsync(Token);

            (await receiving).Should().AllBeEquivalentTo(LastMessages);
            await sending;
            foreach (var client in clients)
            {
                await client.DisposeAsync();
            }
        }
    }

    private static async Task SendUntilClosedAsync(IMessageChannel channel)
    {
        try
        {
            while (true)
            {
                await channel.SendAsync(new byte[100], Token);
                await Task.Yield();
            }
        }
        catch (MessageChannelClosedException)
        {
        }
    }

    private static async Task<int> CountAsync(IMessageChannel channel)
    {
        var count = 0;
        while (await channel.ReceiveAsync(Token) is not null)
        {
            count++;
        }

        return count;
    }
}
