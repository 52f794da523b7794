using System.Net;
using System.Net.Sockets;

namespace Transports.Quic.Tests;

/// <summary>Carries a client's packets to a server and none back, so that no handshake through it is ever finished.</summary>
internal sealed class OneWayRelay : IAsyncDisposable
{
    private readonly UdpClient _client = new(new IPEndPoint(IPAddress.Loopback, 0));
    private readonly UdpClient _server = new(new IPEndPoint(IPAddress.Loopback, 0));
    private readonly Task _running;

    public OneWayRelay(Uri server)
    {
        _server.Connect(IPAddress.Loopback, server.Port);
        _running = Task.Run(CarryAsync);
    }

    public Uri Address => HostAddress.ToUri("quic", _client.Client.LocalEndPoint)!;

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        _server.Dispose();
        await _running;
    }

    private async Task CarryAsync()
    {
        try
        {
            while (true)
            {
                await _server.SendAsync((await _client.ReceiveAsync()).Buffer);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The end of the test, or the server's.
        }
    }
}
