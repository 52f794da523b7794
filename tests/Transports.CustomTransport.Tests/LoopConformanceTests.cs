using System.Net;
using System.Net.Sockets;
using CustomTransport;
using Transports.Extensibility;
using Transports.Testing;

namespace Transports.CustomTransport.Tests;

// snippet: conformance
public sealed class LoopConformanceTests : TransportConformanceTests
{
    protected override ITransport CreateTransport(ConformanceOptions options) => new LoopTransport(options.ApplyTo(new LoopTransportOptions()));

    protected override Uri CreateListenAddress() => new("loop://localhost:0");

    protected override async ValueTask<RawPeer?> ConnectRawPeerAsync(Uri address, CancellationToken cancellationToken)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(IPAddress.Loopback, address.Port, cancellationToken);
        return RawPeer.Create(new NetworkStream(socket, ownsSocket: true), new byte[] { 0, 0, 0, 2, 1, 2 }, () => SocketAbort.Reset(socket));
    }
}
// end snippet
