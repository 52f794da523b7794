using CustomTransport;
using Transports.Testing;

namespace Transports.CustomTransport.Tests;

public sealed class PacketConformanceTests : TransportConformanceTests
{
    private readonly string _directory = Directory.CreateTempSubdirectory("transports-").FullName;
    private int _sockets;

    protected override ITransport CreateTransport(ConformanceOptions options) => new PacketTransport(options.ApplyTo(new PacketTransportOptions()));

    protected override Uri CreateListenAddress() => new($"packet://{_directory}/{_sockets++}");

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }
}
