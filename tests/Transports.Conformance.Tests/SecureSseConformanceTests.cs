namespace Transports.Conformance.Tests;

public class SecureSseConformanceTests : SseConformanceTests
{
    protected override Uri CreateListenAddress() => new("sse+https://localhost:0/channel?duplex");

    protected override KestrelTransportOptions ConfigureServer(KestrelTransportOptions options)
    {
        options.Tls.Certificate = TestCertificates.Shared.Server;
        return options;
    }

    protected override SseTransportOptions ConfigureClient(SseTransportOptions options)
    {
        options.Tls.TrustedRoots = TestCertificates.Shared.Roots;
        return options;
    }
}
