namespace Transports.Conformance.Tests;

public sealed class MemoryConformanceTests : TransportConformanceTests
{
    private MemoryTransport? _transport;
    private int _names;

    // Nothing lies between the two ends but their own buffers.
    protected override long MaxBytesInFlight => 0;

    // A name belongs to one transport, so the side that connects uses the one that listens.
    protected override ITransport CreateTransport(ConformanceOptions options)
        => options.Side == ChannelSide.Client && _transport is not null
            ? _transport
            : _transport = new MemoryTransport(options.ApplyTo(new MemoryTransportOptions()));

    protected override Uri CreateListenAddress() => new($"mem://conformance-{_names++}");
}
