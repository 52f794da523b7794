namespace Transports.Conformance.Tests;

public class SseConformanceTests : TransportConformanceTests
{
    // An HTTP request each way, and a closing one.
    protected override int ConnectionCount => 500;

    // Each turn of the client's flusher is an HTTP request.
    protected override int MessageCount => 20_000;

    protected override ITransport CreateTransport(ConformanceOptions options) => options.Side == ChannelSide.Server
        ? new KestrelTransport(ConfigureServer(options.ApplyTo(new KestrelTransportOptions())))
        : new SseTransport(ConfigureClient(options.ApplyTo(new SseTransportOptions())));

    // By the address, which asks for both ways.
    protected override ChannelCharacteristics Promised => base.Promised with { Direction = ChannelDirection.Bidirectional };

    protected override Uri CreateListenAddress() => new("sse+http://localhost:0/channel?duplex");

    protected virtual KestrelTransportOptions ConfigureServer(KestrelTransportOptions options) => options;

    protected virtual SseTransportOptions ConfigureClient(SseTransportOptions options) => options;
}
