using System.Net;

namespace Transports.Interop.Tests;

/// <summary>Our clients behind a tinyproxy, which their platform's handler is told of.</summary>
public sealed class TinyproxyTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory(Timeout = 60_000)]
    [InlineData("ws://localhost/channel")]
    [InlineData("wss://localhost/channel")]
    [InlineData("sse+http://localhost/channel?duplex")]
    [InlineData("sse+https://localhost/channel?duplex")]
    [InlineData("grpc+https://localhost")]
    public async Task Channel_ThroughTinyproxy_IsWhole(string address)
    {
        await using var server = await ListeningServer.StartAsync(address);
        await using var program = await ProxyProgram.StartTinyproxyAsync();
        var proxy = new ForAll(new Uri($"http://127.0.0.1:{program.Port}"));
        var tls = new TlsClientOptions { TrustedRoots = TestCertificates.Shared.Roots };
        using var webSockets = new WebSocketTransport(new WebSocketTransportOptions { Tls = tls, ConfigureHandler = Use });
        using var sse = new SseTransport(new SseTransportOptions { Tls = tls, ConfigureHandler = Use });
        using var grpc = new GrpcTransport(new GrpcTransportOptions { Tls = tls, ConfigureHandler = Use });

        await using var channel = await new MessageChannelFactory([webSockets, sse, grpc]).ConnectAsync(ListeningServer.At(address, server.Port), Token);

        proxy.Asked.Should().BePositive();
        await Exchange.AssertWholeAsync(channel);

        void Use(SocketsHttpHandler handler)
        {
            handler.UseProxy = true;
            handler.Proxy = proxy;
        }
    }

    /// <summary>A proxy for this machine too, which the platform's own leaves out.</summary>
    private sealed class ForAll(Uri address) : IWebProxy
    {
        private int _asked;

        public int Asked => Volatile.Read(ref _asked);

        public ICredentials? Credentials { get; set; }

        public Uri? GetProxy(Uri destination)
        {
            Interlocked.Increment(ref _asked);
            return address;
        }

        public bool IsBypassed(Uri host) => false;
    }
}
