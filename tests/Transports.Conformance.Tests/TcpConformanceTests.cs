using System.Net.Sockets;

namespace Transports.Conformance.Tests;

public sealed class TcpConformanceTests : TransportConformanceTests
{
    protected override ITransport CreateTransport(ConformanceOptions options) => new TcpTransport(options.ApplyTo(new TcpTransportOptions()));

    protected override Uri CreateListenAddress() => new("tcp://localhost:0");

    protected override async ValueTask<RawPeer?> ConnectRawPeerAsync(Uri address, CancellationToken cancellationToken)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(address.Host, address.Port, cancellationToken);
        return RawPeer.Create(new NetworkStream(socket, ownsSocket: true), LengthPrefixed.Message, () => SocketAbort.Reset(socket));
    }
}
