namespace Transports.WebSockets.Tests;

/// <summary>A listener, and after <see cref="OpenAsync"/> both ends of a channel.</summary>
internal sealed class Pair : IAsyncDisposable
{
    private readonly WebSocketTransport _transport;

    private Pair(IMessageListener listener, WebSocketTransport transport)
    {
        Listener = listener;
        _transport = transport;
    }

    public IMessageListener Listener { get; }

    public Uri Address => Listener.LocalAddress;

    public IMessageChannel Client { get; private set; } = null!;

    public IMessageChannel Server { get; private set; } = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public static async Task<Pair> ListenAsync(Action<KestrelTransportOptions>? server = null, Action<WebSocketTransportOptions>? client = null)
    {
        var serverOptions = new KestrelTransportOptions();
        server?.Invoke(serverOptions);
        var clientOptions = new WebSocketTransportOptions();
        client?.Invoke(clientOptions);
        var listener = await new KestrelTransport(serverOptions).ListenAsync(new Uri("ws://localhost:0/test"), Token);
        return new Pair(listener, new WebSocketTransport(clientOptions));
    }

    public static async Task<Pair> OpenAsync(Action<KestrelTransportOptions>? server = null, Action<WebSocketTransportOptions>? client = null)
    {
        var pair = await ListenAsync(server, client);
        var accepting = pair.Listener.AcceptAsync(Token).AsTask();
        pair.Client = await pair._transport.ConnectAsync(pair.Address, Token);
        pair.Server = (await accepting)!;
        return pair;
    }

    public ValueTask<IMessageChannel> ConnectAsync() => _transport.ConnectAsync(Address, Token);

    public async Task<ChannelCloseInfo> EndOfClientAsync()
    {
        try
        {
            while (await Client.ReceiveAsync(Token) is not null)
            {
            }
        }
        catch (TransportException)
        {
            // The close info says it.
        }

        return await Client.Closed.WaitAsync(Token);
    }

    public async ValueTask DisposeAsync()
    {
        if (Client is not null)
        {
            await Client.DisposeAsync();
            await Server.DisposeAsync();
        }

        await Listener.DisposeAsync();
        _transport.Dispose();
    }
}
