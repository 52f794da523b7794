using System.Net;
using System.Net.Sockets;

namespace Transports.Benchmarks;

/// <summary>The plain echo on bare UDP sockets: connected ones on one side, one bound socket for all on the other.</summary>
internal sealed class DatagramPingPongBaseline : IBenchmarkSide
{
    private readonly Socket _server = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
    private readonly List<Socket> _clients = [];
    private readonly Task _echo;
    private readonly byte[] _payload;

    public DatagramPingPongBaseline(Work work)
    {
        _payload = new byte[work.PayloadSize];
        _server.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        for (var i = 0; i < work.Connections; i++)
        {
            var client = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            client.Connect(_server.LocalEndPoint!);
            _clients.Add(client);
        }

        _echo = Task.Run(EchoAsync);
    }

    public Task RunAsync(long messages)
        => Task.WhenAll(_clients.Select(client => Task.Run(() => PingPongAsync(client, messages / _clients.Count))));

    public async ValueTask DisposeAsync()
    {
        _clients.ForEach(client => client.Dispose());
        _server.Dispose();
        await _echo.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task EchoAsync()
    {
        var buffer = new byte[2048];
        var from = new SocketAddress(AddressFamily.InterNetwork);
        while (true)
        {
            var count = await _server.ReceiveFromAsync(buffer, SocketFlags.None, from);
            await _server.SendToAsync(buffer.AsMemory(0, count), SocketFlags.None, from);
        }
    }

    private async Task PingPongAsync(Socket client, long messages)
    {
        var buffer = new byte[2048];
        for (long i = 0; i < messages; i++)
        {
            await client.SendAsync(_payload, SocketFlags.None);
            await client.ReceiveAsync(buffer, SocketFlags.None);
        }
    }
}
