namespace Transports.Conformance.Tests;

/// <summary>The suite over other framings and over bytes that come in awkward pieces: the engine alone, on plain sockets.</summary>
public abstract class EngineConformanceTests(IMessageFraming framing, ConnectionFaultOptions? faults = null) : TransportConformanceTests
{
    protected override string Name => "loop";

    protected override int MessageCount => 10_000;

    // Connections are the transports' own; here it is what goes over one that differs.
    protected override int ConnectionCount => 200;

    protected override long MaxBytesInFlight => 2 * 1024 * 1024;

    protected override ITransport CreateTransport(ConformanceOptions options) => LoopbackTransport.Create(options, framing, faults);

    protected override Uri CreateListenAddress() => new("loop://localhost:0");
}

public sealed class VarintConformanceTests() : EngineConformanceTests(new VarintFraming());

public sealed class ContentLengthConformanceTests() : EngineConformanceTests(new ContentLengthFraming());

public sealed class LittleEndianConformanceTests() : EngineConformanceTests(new LengthPrefixedFraming(4, littleEndian: true));

public sealed class SmallPiecesConformanceTests() : EngineConformanceTests(
    LengthPrefixedFraming.Default,
    new ConnectionFaultOptions { Seed = 1, MaxReadSize = 1500, MaxWriteSize = 1500 });

public sealed class TinyPiecesConformanceTests() : EngineConformanceTests(
    new VarintFraming(),
    new ConnectionFaultOptions { Seed = 2, MaxReadSize = 7, MaxWriteSize = 5 })
{
    protected override int MessageCount => 500;

    protected override int RaceIterations => 2;
}
