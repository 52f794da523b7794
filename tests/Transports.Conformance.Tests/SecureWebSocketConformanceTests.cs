namespace Transports.Conformance.Tests;

public sealed class SecureWebSocketConformanceTests : WebSocketConformanceTests
{
    protected override Uri CreateListenAddress() => new("wss://localhost:0/channel");

    protected override ValueTask<RawPeer?> ConnectRawPeerAsync(Uri address, CancellationToken cancellationToken) => default;

    protected override KestrelTransportOptions ConfigureServer(KestrelTransportOptions options)
    {
        options.Tls.Certificate = TestCertificates.Shared.Server;
        return options;
    }

    protected override WebSocketTransportOptions ConfigureClient(WebSocketTransportOptions options)
    {
        options.Tls.TrustedRoots = TestCertificates.Shared.Roots;
        return options;
    }
}
