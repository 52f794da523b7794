namespace Transports.Tests;

/// <summary>Two ends of an in-memory connection.</summary>
internal sealed class MemoryPair(IMessageChannel client, IMessageChannel server) : IAsyncDisposable
{
    public IMessageChannel Client => client;

    public IMessageChannel Server => server;

    public static async Task<MemoryPair> OpenAsync(MemoryTransportOptions? options = null)
    {
        var transport = new MemoryTransport(options);
        await using var listener = await transport.ListenAsync(new Uri("mem://pair"));
        var client = await transport.ConnectAsync(new Uri("mem://pair"));
        return new MemoryPair(client, (await listener.AcceptAsync())!);
    }

    public async ValueTask DisposeAsync()
    {
        await client.DisposeAsync();
        await server.DisposeAsync();
    }
}
