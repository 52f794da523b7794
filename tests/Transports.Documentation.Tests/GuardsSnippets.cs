using Microsoft.Extensions.Logging.Abstractions;

namespace Transports.Documentation.Tests;

/// <summary>The code of docs/guards.md, as it runs.</summary>
public sealed class GuardsSnippets
{
    [Fact(Timeout = 30_000)]
    public async Task Guard_AsShown_CountsChannelsAndBuffers()
    {
        var loggerFactory = NullLoggerFactory.Instance;

        // snippet: guard
        var pool = new MeteredBufferPool();
        var guard = new ConnectionGuard(
            new ConnectionGuardOptions { MaxChannelsPerAddress = 50, FirstMessageTimeout = TimeSpan.FromSeconds(10), MaxBufferedBytes = 256 * 1024 * 1024 },
            pool,
            loggerFactory);
        await using var server = new MessageServer(
            new MessageChannelFactory([new TcpTransport(new TcpTransportOptions { BufferPool = pool })]),
            new Uri("tcp://localhost:0"),
            EchoAsync,
            new MessageServerOptions { Guard = guard });
        await server.StartAsync();
        // end snippet

        await using var client = await new TcpTransport().ConnectAsync(server.LocalAddress!);
        await client.SendAsync("hello");
        (await client.ReceiveAsync())!.Value.GetText().Should().Be("hello");
        guard.ChannelCount.Should().Be(1);
        await client.DisposeAsync();
        await server.StopAsync();
        guard.ChannelCount.Should().Be(0);

        // The connection gives its last buffer back when its reads have ended, which nobody waits for.
        while (pool.RentedBytes != 0)
        {
            TestContext.Current.CancellationToken.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }

    private static async Task EchoAsync(IMessageChannel channel, CancellationToken stoppingToken)
    {
        while (await channel.ReceiveAsync(stoppingToken) is { } message)
        {
            await channel.SendAsync(message, stoppingToken);
        }
    }
}
