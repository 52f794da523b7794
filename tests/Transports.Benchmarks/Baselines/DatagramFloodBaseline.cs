using System.Net;
using System.Net.Sockets;

namespace Transports.Benchmarks;

/// <summary>The plain loops on bare UDP sockets: a connected one that sends each message, and a bound one that receives with the sender's address.</summary>
internal sealed class DatagramFloodBaseline : LossyFlood
{
    private readonly Socket _client = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
    private readonly Socket _server = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { ReceiveBufferSize = 1024 * 1024 };
    private readonly byte[] _payload;

    public DatagramFloodBaseline(Work work)
        : base(work)
    {
        _payload = new byte[work.PayloadSize];
        _server.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _client.Connect(_server.LocalEndPoint!);
    }

    public override ValueTask DisposeAsync()
    {
        _client.Dispose();
        _server.Dispose();
        return ValueTask.CompletedTask;
    }

    protected override async Task SendAsync()
    {
        while (!Enough)
        {
            await _client.SendAsync(_payload, SocketFlags.None);
        }
    }

    protected override async Task ReceiveAsync(long messages)
    {
        var buffer = new byte[2048];
        var from = new SocketAddress(AddressFamily.InterNetwork);
        for (long received = 0; received < messages;)
        {
            received += await _server.ReceiveFromAsync(buffer, SocketFlags.None, from) == _payload.Length ? 1 : 0;
        }
    }
}
