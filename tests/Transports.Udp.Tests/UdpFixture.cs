using System.Net;
using System.Net.Sockets;

namespace Transports.Udp.Tests;

/// <summary>What the tests share: listeners and channels on loopback, bare sockets, and an end after a time that nothing takes.</summary>
public abstract class UdpFixture : IAsyncLifetime
{
    protected const int HangTimeout = 60_000;

    private readonly List<IAsyncDisposable> _owned = [];

    protected static CancellationToken Token => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync() => default;

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        for (var i = _owned.Count - 1; i >= 0; i--)
        {
            await _owned[i].DisposeAsync();
        }
    }

    protected async Task<IMessageListener> ListenAsync(UdpTransportOptions? options = null, string address = "udp://localhost:0")
        => Own(await new UdpTransport(options).ListenAsync(new Uri(address), Token));

    protected async Task<IMessageChannel> ConnectAsync(Uri address, UdpTransportOptions? options = null)
        => Own(await new UdpTransport(options).ConnectAsync(address, Token));

    protected async Task<IMessageChannel> AcceptAsync(IMessageListener listener)
        => Own(await listener.AcceptAsync(Token) ?? throw new InvalidOperationException("The listener stopped."));

    /// <summary>A client whose first message was received, and its peer.</summary>
    protected async Task<(IMessageChannel Client, IMessageChannel Server)> OpenAsync(IMessageListener listener, UdpTransportOptions? client = null)
    {
        var connected = await ConnectAsync(listener.LocalAddress, client);
        await connected.SendAsync("first"u8.ToArray(), Token);
        var accepted = await AcceptAsync(listener);
        (await accepted.ReceiveAsync(Token))!.Value.GetText().Should().Be("first");
        return (connected, accepted);
    }

    /// <summary>A bare socket that sends to the address, and hears it.</summary>
    protected static Socket Bare(Uri address)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.Connect(new IPEndPoint(IPAddress.Loopback, address.Port));
        return socket;
    }

    /// <summary>Waits for counters, which nothing announces.</summary>
    protected static async Task UntilAsync(Func<bool> condition)
    {
        while (!condition())
        {
            Token.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }

    protected T Own<T>(T resource)
        where T : IAsyncDisposable
    {
        _owned.Add(resource);
        return resource;
    }
}
