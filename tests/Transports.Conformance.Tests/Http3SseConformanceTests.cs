using System.Net;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Transports.Tests;

namespace Transports.Conformance.Tests;

public sealed class Http3SseConformanceTests : SseConformanceTests
{
    // MsQuic's, shared by its connections and closed later.
    protected override int AllowedExtraSockets => 32;

    protected override Uri CreateListenAddress() => new("sse+https://localhost:0/channel?duplex");

    protected override KestrelTransportOptions ConfigureServer(KestrelTransportOptions options)
    {
        options.Protocols = HttpProtocols.Http3;
        options.Tls.Certificate = TestCertificates.Shared.Server;
        return options;
    }

    protected override SseTransportOptions ConfigureClient(SseTransportOptions options)
    {
        options.HttpVersion = HttpVersion.Version30;
        options.Tls.TrustedRoots = TestCertificates.Shared.Roots;
        return options;
    }
}
