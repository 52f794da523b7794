using System.Net.Sockets;

namespace Transports.Conformance.Tests;

public sealed class UnixConformanceTests : TransportConformanceTests
{
    private readonly string _directory = Directory.CreateTempSubdirectory("transports-").FullName;
    private int _sockets;

    // A Unix domain socket has no reset: between two messages, a killed peer looks like one that has finished.
    protected override bool DistinguishesAbortFromClose => false;

    protected override ITransport CreateTransport(ConformanceOptions options) => new TcpTransport(options.ApplyTo(new TcpTransportOptions()));

    protected override Uri CreateListenAddress() => new($"unix://{_directory}/{_sockets++}");

    protected override async ValueTask<RawPeer?> ConnectRawPeerAsync(Uri address, CancellationToken cancellationToken)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(address.LocalPath), cancellationToken);
        return RawPeer.Create(new NetworkStream(socket, ownsSocket: true), LengthPrefixed.Message);
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }
}
