namespace Transports.Quic.Tests;

/// <summary>What the tests share: listeners and channels on loopback.</summary>
public abstract class QuicFixture : IAsyncLifetime
{
    protected const int HangTimeout = 60_000;

    private readonly List<IAsyncDisposable> _owned = [];

    protected static CancellationToken Token => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync()
    {
        Requirement.SkipUnless(QuicTransport.IsSupported, "quic", "QUIC needs the native library libmsquic, 2.5 or later; see TransportUnavailableException for how to install it.");
        return default;
    }

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        for (var i = _owned.Count - 1; i >= 0; i--)
        {
            if (_owned[i] is IMessageChannel channel)
            {
                channel.Abort();
            }

            await _owned[i].DisposeAsync();
        }
    }

    protected static QuicTransportOptions Options() => QuicTestCertificate.Use(new QuicTransportOptions());

    protected async Task<IMessageListener> ListenAsync(QuicTransportOptions? options = null)
        => Own(await new QuicTransport(options ?? Options()).ListenAsync(new Uri("quic://localhost:0"), Token));

    protected async Task<IMessageChannel> ConnectAsync(Uri address, QuicTransportOptions? options = null)
        => Own(await new QuicTransport(options ?? Options()).ConnectAsync(address, Token));

    protected async Task<IMessageChannel> AcceptAsync(IMessageListener listener)
        => Own(await listener.AcceptAsync(Token) ?? throw new InvalidOperationException("The listener stopped."));

    protected async Task<(IMessageChannel Client, IMessageChannel Server)> OpenAsync(IMessageListener listener, QuicTransportOptions? client = null)
    {
        var connected = await ConnectAsync(listener.LocalAddress, client);
        return (connected, await AcceptAsync(listener));
    }

    protected static async Task AssertDeliversAsync(IMessageChannel from, IMessageChannel to, string text)
    {
        await from.SendAsync(Message.FromText(text), Token);
        (await to.ReceiveAsync(Token))!.Value.GetText().Should().Be(text);
    }

    protected T Own<T>(T resource)
        where T : IAsyncDisposable
    {
        _owned.Add(resource);
        return resource;
    }
}
