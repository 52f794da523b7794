namespace Transports.Grpc.Tests;

/// <summary>A client's and a server's channel of one call over loopback.</summary>
internal sealed class GrpcPair : IAsyncDisposable
{
    private readonly GrpcTransport _transport;
    private readonly IMessageListener _listener;

    private GrpcPair(GrpcTransport transport, IMessageListener listener, IMessageChannel client, IMessageChannel server)
    {
        _transport = transport;
        _listener = listener;
        Client = client;
        Server = server;
    }

    public IMessageListener Listener => _listener;

    public IMessageChannel Client { get; }

    public IMessageChannel Server { get; }

    public static async Task<GrpcPair> OpenAsync(
        GrpcTransportOptions? client = null,
        KestrelTransportOptions? server = null,
        string path = "",
        GrpcCallOptions? call = null,
        string scheme = "grpc+http",
        Func<Uri, Uri>? between = null)
    {
        var token = TestContext.Current.CancellationToken;
        var transport = new GrpcTransport(client);
        var listener = await new KestrelTransport(server).ListenAsync(new Uri($"{scheme}://localhost:0{path}"), token);
        try
        {
            var accepting = listener.AcceptAsync(token);
            var opened = await transport.ConnectAsync(between?.Invoke(listener.LocalAddress) ?? listener.LocalAddress, call ?? new GrpcCallOptions(), token);
            return new GrpcPair(transport, listener, opened, (await accepting)!);
        }
        catch
        {
            await listener.DisposeAsync();
            transport.Dispose();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Client.DisposeAsync();
        await Server.DisposeAsync();
        await _listener.DisposeAsync();
        _transport.Dispose();
    }
}
