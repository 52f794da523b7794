using Transports.Tests;

namespace Transports.Conformance.Tests;

public sealed class SecureSseConformanceTests : SseConformanceTests
{
    protected override Uri CreateListenAddress() => new("sse+https://localhost:0/channel?duplex");

    protected override AspNetCoreTransportOptions ConfigureServer(AspNetCoreTransportOptions options)
    {
        options.ServerCertificate = TestCertificates.Shared.Server;
        return options;
    }

    protected override SseTransportOptions ConfigureClient(SseTransportOptions options)
    {
        options.ConfigureHandler = TestAuthority.Trust;
        return options;
    }
}
