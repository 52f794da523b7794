namespace Transports.Interop.Tests;

/// <summary>Our clients and our servers with a haproxy between.</summary>
public sealed class HaproxyTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory(Timeout = 60_000)]
    [InlineData("ws://localhost/channel", "http", "")]
    [InlineData("sse+http://localhost/channel?duplex", "http", "")]
    [InlineData("grpc+http://localhost", "http", " proto h2")]
    [InlineData("ws://localhost/channel", "tcp", "")]
    [InlineData("wss://localhost/channel", "tcp", "")]
    [InlineData("sse+https://localhost/channel?duplex", "tcp", "")]
    [InlineData("grpc+http://localhost", "tcp", "")]
    [InlineData("grpc+https://localhost", "tcp", "")]
    [InlineData("tcp://localhost", "tcp", "")]
    [InlineData("tls://localhost", "tcp", "")]
    public async Task Channel_ThroughHaproxy_IsWhole(string address, string mode, string protocol)
    {
        await using var server = await ListeningServer.StartAsync(address);
        await using var proxy = await ProxyProgram.StartHaproxyAsync(server.Port, mode, protocol);
        var tls = new TlsClientOptions { TrustedRoots = TestCertificates.Shared.Roots };
        using var webSockets = new WebSocketTransport(new WebSocketTransportOptions { Tls = tls });
        using var sse = new SseTransport(new SseTransportOptions { Tls = tls });
        using var grpc = new GrpcTransport(new GrpcTransportOptions { Tls = tls });
        var tcp = new TcpTransport(new TcpTransportOptions { TlsClient = tls });

        await using var channel = await new MessageChannelFactory([webSockets, sse, grpc, tcp]).ConnectAsync(ListeningServer.At(address, proxy.Port), Token);

        // A call that the server ends while the client could still send is reset with CANCEL by haproxy's own HTTP/2, and its status is lost.
        await Exchange.AssertWholeAsync(channel, serverEnds: protocol.Length == 0);
    }
}
