using System.Net.Sockets;
using System.Text;

namespace Transports.Conformance.Tests;

public class WebSocketConformanceTests : TransportConformanceTests
{
    // An HTTP request, a connection and a Kestrel request each.
    protected override int ConnectionCount => 1_000;

    // An abort is told by the missing close frame.
    protected override ITransport CreateTransport(ConformanceOptions options) => options.Side == ChannelSide.Server
        ? new KestrelTransport(ConfigureServer(options.ApplyTo(new KestrelTransportOptions())))
        : new WebSocketTransport(ConfigureClient(options.ApplyTo(new WebSocketTransportOptions())));

    protected override Uri CreateListenAddress() => new("ws://localhost:0/channel");

    protected override async ValueTask<RawPeer?> ConnectRawPeerAsync(Uri address, CancellationToken cancellationToken)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(address.Host, address.Port, cancellationToken);
        var stream = new NetworkStream(socket, ownsSocket: true);
        await stream.WriteAsync(
            Encoding.ASCII.GetBytes(
                $"GET {address.AbsolutePath} HTTP/1.1\r\nHost: {address.Authority}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"),
            cancellationToken);
        await ReadHeadersAsync(stream, cancellationToken);

        // RFC 6455, section 5.7: a masked text message, "Hello".
        byte[] message = [0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58];
        return RawPeer.Create(stream, message, () => SocketAbort.Reset(socket));
    }

    protected virtual KestrelTransportOptions ConfigureServer(KestrelTransportOptions options) => options;

    protected virtual WebSocketTransportOptions ConfigureClient(WebSocketTransportOptions options) => options;

    private static async Task ReadHeadersAsync(Stream stream, CancellationToken cancellationToken)
    {
        var end = "\r\n\r\n"u8.ToArray();
        var last = new List<byte>();
        var one = new byte[1];
        while (!last.TakeLast(end.Length).SequenceEqual(end))
        {
            await stream.ReadExactlyAsync(one, cancellationToken);
            last.Add(one[0]);
        }

        Encoding.ASCII.GetString(last.ToArray()).Should().StartWith("HTTP/1.1 101");
    }
}
