namespace Transports.Conformance.Tests;

public sealed class QuicConformanceTests : TransportConformanceTests
{
    // A QUIC handshake costs a TLS handshake and two native objects each side.
    protected override int ConnectionCount => 500;

    // Each transport has a socket of its own in each process, shared by its connections, that the native library closes later.
    protected override int AllowedExtraSockets => 32;

    protected override ITransport CreateTransport(ConformanceOptions options)
        => new QuicTransport(QuicTestCertificate.Use(options.ApplyTo(new QuicTransportOptions())));

    protected override Uri CreateListenAddress() => new("quic://localhost:0");
}
