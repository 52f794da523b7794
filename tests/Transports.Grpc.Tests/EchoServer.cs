namespace Transports.Grpc.Tests;

/// <summary>Listens at a method and sends everything back.</summary>
internal sealed class EchoServer : IAsyncDisposable
{
    public const string Method = "test.Echo/Both";

    private readonly IMessageListener _listener;
    private readonly Task _serving;
    private int _open;

    private EchoServer(IMessageListener listener)
    {
        _listener = listener;
        _serving = ServeAsync();
    }

    /// <summary>How many calls are open.</summary>
    public int Open => Volatile.Read(ref _open);

    public Uri Address => _listener.LocalAddress;

    public static async Task<EchoServer> StartAsync(KestrelTransportOptions? options = null)
        => new(await new KestrelTransport(options).ListenAsync(new Uri("grpc+http://localhost:0/" + Method)));

    public static async Task EchoAsync(IMessageChannel channel, CancellationToken stoppingToken)
    {
        while (await channel.ReceiveAsync(stoppingToken) is { } message)
        {
            await channel.SendAsync(message, stoppingToken);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _listener.DisposeAsync();
        await _serving;
    }

    private async Task ServeAsync()
    {
        while (await _listener.AcceptAsync() is { } channel)
        {
            _ = ServeOneAsync(channel);
        }
    }

    private async Task ServeOneAsync(IMessageChannel channel)
    {
        Interlocked.Increment(ref _open);
        await EchoOneAsync(channel);
        Interlocked.Decrement(ref _open);
    }

    private static async Task EchoOneAsync(IMessageChannel channel)
    {
        await using (channel)
        {
            try
            {
                await EchoAsync(channel, CancellationToken.None);
            }
            catch (TransportException)
            {
                // Bad input ends the channel; the client is told by the engine.
            }
        }
    }
}
