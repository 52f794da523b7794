using System.Net;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Transports.Conformance.Tests;

public sealed class Http3SseConformanceTests : SecureSseConformanceTests
{
    // MsQuic's, shared by its connections and closed later.
    protected override int AllowedExtraSockets => 32;

    protected override KestrelTransportOptions ConfigureServer(KestrelTransportOptions options)
    {
        options.Protocols = HttpProtocols.Http3;
        return base.ConfigureServer(options);
    }

    protected override SseTransportOptions ConfigureClient(SseTransportOptions options)
    {
        options.HttpVersion = HttpVersion.Version30;
        return base.ConfigureClient(options);
    }
}
