using System.Net;
using System.Net.Sockets;

namespace Transports.AspNetCore.Tests;

/// <summary>What all transports over HTTP share: certificates, addresses and ends of connections.</summary>
public sealed class NetworkTests
{
    private static TestCertificates Certificates => TestCertificates.Shared;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("wss://localhost:0/")]
    [InlineData("sse+https://localhost:0/?duplex")]
    [InlineData("grpc+https://localhost:0/")]
    public async Task Listen_WithoutACertificate_IsTheSameErrorEverywhere(string address)
    {
        var act = async () => await Server(new TlsServerOptions()).ListenAsync(new Uri(address), Token);

        (await act.Should().ThrowAsync<ArgumentException>()).WithMessage("*needs a certificate*TlsServerOptions*PemCertificateProvider*");
    }

    [Theory]
    [InlineData("wss://localhost:0/")]
    [InlineData("sse+https://localhost:0/?duplex")]
    [InlineData("grpc+https://localhost:0/")]
    public async Task Accepted_OverTlsWithAClientCertificate_TellsEndPointsAndHandshake(string address)
    {
        var server = Server(new TlsServerOptions
        {
            Certificate = Certificates.Server,
            ClientCertificateRequired = true,
            TrustedClientRoots = Certificates.Roots,
        });
        await using var listener = await server.ListenAsync(new Uri(address), Token);
        var client = Client(listener.LocalAddress.Scheme, new TlsClientOptions { TrustedRoots = Certificates.Roots, ClientCertificates = [Certificates.Client] });
        using var transport = (IDisposable)client;
        await using var channel = await client.ConnectAsync(listener.LocalAddress, Token);
        await channel.SendAsync(new byte[] { 1 }, Token);
        await using var accepted = (await listener.AcceptAsync(Token))!;

        var tls = accepted.GetFeature<ITlsFeature>()!;
        tls.RemoteCertificate!.Thumbprint.Should().Be(Certificates.Client.Thumbprint);
        tls.TargetHostName.Should().Be("localhost");
        tls.SslProtocol.Should().NotBe(default);
        var ends = accepted.GetFeature<IConnectionEndPointFeature>()!;
        ((IPEndPoint)ends.LocalEndPoint!).Port.Should().Be(listener.LocalAddress.Port);
        IPAddress.IsLoopback(((IPEndPoint)ends.RemoteEndPoint!).Address).Should().BeTrue();
    }

    [Theory]
    [InlineData("wss://localhost:0/")]
    [InlineData("sse+https://localhost:0/?duplex")]
    [InlineData("grpc+https://localhost:0/")]
    public async Task Connect_CertificateRefused_SaysWhyAndWhatToSet(string address)
    {
        using var other = Certificates.Issue("CN=other", ["other.test"]);
        await using var listener = await Server(new TlsServerOptions { Certificate = other }).ListenAsync(new Uri(address), Token);

        (await RefusalAsync(new TlsClientOptions { TrustedRoots = Certificates.Roots }))
            .Should().Contain("is for other.test, 127.0.0.1, not for 'localhost'").And.Contain("TlsClientOptions.TargetHost");
        (await RefusalAsync(new TlsClientOptions { TargetHost = "other.test" }))
            .Should().Contain("No trusted authority").And.Contain("TlsClientOptions.TrustedRoots");
        var welcome = Client(listener.LocalAddress.Scheme, new TlsClientOptions { TrustedRoots = Certificates.Roots, TargetHost = "other.test" });
        using (welcome as IDisposable)
        {
            await using var channel = await welcome.ConnectAsync(listener.LocalAddress, Token);
        }

        async Task<string> RefusalAsync(TlsClientOptions tls)
        {
            var client = Client(listener.LocalAddress.Scheme, tls);
            using (client as IDisposable)
            {
                return (await client.Awaiting(c => c.ConnectAsync(listener.LocalAddress, Token).AsTask()).Should().ThrowAsync<TransportException>()).Which.Message;
            }
        }
    }

    [Fact]
    public async Task Dispose_ChannelIsOpen_PortIsFreeAtOnceAndTheChannelGoesOn()
    {
        var server = new KestrelTransport();
        using var client = new WebSocketTransport();
        var listener = await server.ListenAsync(new Uri("ws://localhost:0/"), Token);
        await using var channel = await client.ConnectAsync(listener.LocalAddress, Token);
        await using var accepted = (await listener.AcceptAsync(Token))!;

        await listener.DisposeAsync();
        await using var next = await server.ListenAsync(listener.LocalAddress, Token);

        await channel.SendAsync("still here", Token);
        (await accepted.ReceiveAsync(Token))!.Value.GetText().Should().Be("still here");
    }

    [Theory]
    [InlineData("ws://localhost:0/")]
    [InlineData("grpc+http://localhost:0/")]
    public async Task Listen_Localhost_IsTheLoopbackOfBothFamilies(string address)
    {
        await using var listener = await Server(new TlsServerOptions()).ListenAsync(new Uri(address), Token);
        foreach (var ip in HostAddress.LoopbackAddresses())
        {
            using var socket = new Socket(ip.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            await socket.ConnectAsync(new IPEndPoint(ip, listener.LocalAddress.Port), Token);
        }
    }

    [Theory]
    [InlineData("ws://example.test:0/")]
    [InlineData("sse+http://example.test:0/")]
    [InlineData("grpc+http://example.test:0/")]
    public async Task Listen_AtAName_SaysWhatToWrite(string address)
    {
        var act = async () => await Server(new TlsServerOptions()).ListenAsync(new Uri(address), Token);

        (await act.Should().ThrowAsync<ArgumentException>()).WithMessage("*'example.test' is a name*localhost*[::]*");
    }

    [Theory]
    [InlineData("ws://[fe80::1%1]:1/")]
    [InlineData("sse+http://[fe80::1%1]:1/")]
    public async Task Connect_LinkLocalAddress_KeepsItsZone(string address)
    {
        Uri? asked = null;
        Action<HttpRequestMessage> look = request =>
        {
            asked = request.RequestUri;
            throw new TransportException("Seen.");
        };
        IClientTransport client = address.StartsWith("ws", StringComparison.Ordinal)
            ? new WebSocketTransport(new WebSocketTransportOptions { ConfigureRequest = look })
            : new SseTransport(new SseTransportOptions { ConfigureRequest = look });
        using (client as IDisposable)
        {
            await client.Awaiting(c => c.ConnectAsync(new Uri(address), Token).AsTask()).Should().ThrowAsync<TransportException>();
        }

        asked!.DnsSafeHost.Should().Be("fe80::1%1");
    }

    [Theory]
    [InlineData("ws", false)]
    [InlineData("wss", true)]
    [InlineData("sse+http", false)]
    [InlineData("sse+https", true)]
    [InlineData("grpc+http", false)]
    [InlineData("grpc+https", true)]
    public void GetCharacteristics_OfEachScheme_TellsItsEncryptionAndLimit(string scheme, bool isEncrypted)
    {
        var client = Client(scheme, new TlsClientOptions());
        using (client as IDisposable)
        {
            foreach (var transport in (ITransport[])[client, Server(new TlsServerOptions())])
            {
                var promised = transport.GetCharacteristics(scheme);
                promised.IsEncrypted.Should().Be(isEncrypted);
                promised.MaxMessageSize.Should().Be(new MessageChannelOptions().MaxMessageSize);
            }
        }
    }

    [Fact]
    public void Create_BadValueOfAProtocol_IsRefused()
    {
        Action<KestrelTransportOptions>[] changes =
        [
            static options => options.WebSockets.KeepAliveInterval = TimeSpan.Zero,
            static options => options.WebSockets.KeepAliveTimeout = TimeSpan.FromSeconds(-2),
            static options => options.Sse.MaxSessions = 0,
            static options => options.Sse.ReconnectDelay = TimeSpan.Zero,
            static options => options.Grpc.CompressionThreshold = -1,
            static options => options.Http2.KeepAliveInterval = TimeSpan.FromMilliseconds(999),
            static options => options.Http2.KeepAliveTimeout = TimeSpan.Zero,
            static options => options.StreamWindowSize = 1,
        ];
        foreach (var change in changes)
        {
            var options = new KestrelTransportOptions();
            change(options);
            FluentActions.Invoking(() => new KestrelTransport(options)).Should().Throw<ArgumentOutOfRangeException>();
        }
    }

    [Fact]
    public async Task ListenAsync_TimesThatAreOff_Listens()
    {
        var options = new KestrelTransportOptions
        {
            WebSockets = { KeepAliveInterval = Timeout.InfiniteTimeSpan, KeepAliveTimeout = Timeout.InfiniteTimeSpan },
            Http2 = { KeepAliveTimeout = Timeout.InfiniteTimeSpan },
        };

        await using var pinging = await new KestrelTransport(options).ListenAsync(new Uri("ws://localhost:0/"), Token);
        options.Http2.KeepAliveInterval = Timeout.InfiniteTimeSpan;
        await using var silent = await new KestrelTransport(options).ListenAsync(new Uri("grpc+http://localhost:0"), Token);

        silent.LocalAddress.Port.Should().BePositive();
    }

    private static KestrelTransport Server(TlsServerOptions tls) => new(new KestrelTransportOptions { Tls = tls });

    private static IClientTransport Client(string scheme, TlsClientOptions tls) => scheme.Split('+')[0] switch
    {
        "ws" or "wss" => new WebSocketTransport(new WebSocketTransportOptions { Tls = tls }),
        "sse" => new SseTransport(new SseTransportOptions { Tls = tls }),
        _ => new GrpcTransport(new GrpcTransportOptions { Tls = tls }),
    };
}
