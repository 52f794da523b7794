using CustomTransport;
using Transports.Testing;

namespace Transports.CustomTransport.Tests;

/// <summary>A framing of one's own is held to the suite as any transport is.</summary>
public sealed class NetstringConformanceTests : TransportConformanceTests
{
    protected override int ConnectionCount => 200;

    protected override int MessageCount => 10_000;

    protected override ITransport CreateTransport(ConformanceOptions options)
        => new LoopTransport(options.ApplyTo(new LoopTransportOptions { Framing = new NetstringFraming() }));

    protected override Uri CreateListenAddress() => new("loop://localhost:0");
}
