using System.Net;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Transports.Conformance.Tests;

public sealed class Http2WebSocketConformanceTests : WebSocketConformanceTests
{
    protected override ValueTask<RawPeer?> ConnectRawPeerAsync(Uri address, CancellationToken cancellationToken) => default;

    protected override KestrelTransportOptions ConfigureServer(KestrelTransportOptions options)
    {
        options.Protocols = HttpProtocols.Http2;
        return options;
    }

    protected override WebSocketTransportOptions ConfigureClient(WebSocketTransportOptions options)
    {
        options.HttpVersion = HttpVersion.Version20;
        return options;
    }
}
