using System.Net;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Transports.Conformance.Tests;

public sealed class Http2SseConformanceTests : SseConformanceTests
{
    protected override KestrelTransportOptions ConfigureServer(KestrelTransportOptions options)
    {
        options.Protocols = HttpProtocols.Http2;
        return options;
    }

    protected override SseTransportOptions ConfigureClient(SseTransportOptions options)
    {
        options.HttpVersion = HttpVersion.Version20;
        return options;
    }
}
