using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging;
using static Transports.Tcp.Tests.Net;

namespace Transports.Tcp.Tests;

public sealed class TlsTests
{
    private static readonly TestCertificates Certificates = TestCertificates.Shared;

    [Fact]
    public async Task Handshake_TrustedServer_FeatureTellsWhatWasAgreed()
    {
        await using var pair = await ConnectAsync("tls", options =>
        {
            options.TlsClient.ApplicationProtocols = [new("other/1"), new("transports/1")];
            options.TlsServer.ApplicationProtocols = [new("transports/1")];
        });
        var client = pair.Client.GetFeature<ITlsFeature>()!;
        var server = pair.Server.GetFeature<ITlsFeature>()!;
        client.NegotiatedApplicationProtocol.Should().Be(new SslApplicationProtocol("transports/1"));
        server.NegotiatedApplicationProtocol.Should().Be(client.NegotiatedApplicationProtocol);
        client.RemoteCertificate!.Thumbprint.Should().Be(Certificates.Server.Thumbprint);
        server.RemoteCertificate.Should().BeNull();
        server.TargetHostName.Should().Be("localhost");
        server.NegotiatedCipherSuite.Should().Be(client.NegotiatedCipherSuite);
        (client.SslProtocol is SslProtocols.Tls12 or SslProtocols.Tls13).Should().BeTrue();
        pair.Client.Characteristics.IsEncrypted.Should().BeTrue();
        pair.Server.Characteristics.IsEncrypted.Should().BeTrue();
        pair.Client.Id.Should().StartWith("tls-");
    }

    [Fact]
    public async Task Connect_UnknownAuthority_SaysWhatToTrust()
    {
        var error = await FailToConnectAsync(options => options.TlsClient.TrustedRoots = [Certificates.Client]);
        error.Message.Should().Contain("No trusted authority").And.Contain("CN=Test Authority").And.Contain("TlsClientOptions.TrustedRoots");
    }

    [Fact]
    public async Task Connect_OnlyTheIntermediateIsTrusted_AsksForItsRoot()
    {
        using var server = Certificates.Issue("CN=localhost", ["localhost"], issuer: Certificates.Intermediate);
        var error = await FailToConnectAsync(options =>
        {
            options.TlsServer.CertificateSelector = _ => SslStreamCertificateContext.Create(server, [Certificates.Intermediate], offline: true);
            options.TlsClient.TrustedRoots = [Certificates.Intermediate];
        });
        error.Message.Should().Contain("TrustedRoots has CN=Test Intermediate, which is an intermediate").And.Contain("self-signed certificate of that root, towards CN=Test Authority");
    }

    [Fact]
    public async Task Connect_IntermediateWasNotSent_SaysSo()
    {
        using var server = Certificates.Issue("CN=localhost", ["localhost"], issuer: Certificates.Intermediate);
        var error = await FailToConnectAsync(options =>
        {
            options.TlsServer.CertificateSelector = _ => SslStreamCertificateContext.Create(server, null, offline: true);
        });
        error.Message.Should().Contain("The certificate of CN=Test Intermediate, which issued CN=localhost, was not sent");
    }

    [Fact]
    public async Task Connect_RootAndIntermediateTrusted_Connects()
    {
        using var server = Certificates.Issue("CN=localhost", ["localhost"], issuer: Certificates.Intermediate);
        await using var pair = await ConnectAsync("tls", options =>
        {
            options.TlsServer.CertificateSelector = _ => SslStreamCertificateContext.Create(server, null, offline: true);
            options.TlsClient.TrustedRoots = [Certificates.Intermediate, Certificates.Authority];
        });
        pair.Client.GetFeature<ITlsFeature>()!.RemoteCertificate!.Thumbprint.Should().Be(server.Thumbprint);
    }

    [Fact]
    public async Task Connect_SystemTrustByDefault_RefusesATestCertificate()
    {
        var error = await FailToConnectAsync(options => options.TlsClient.TrustedRoots = null);
        error.Message.Should().Contain("No trusted authority");
    }

    [Fact]
    public async Task Connect_NameMismatch_NamesBoth()
    {
        var error = await FailToConnectAsync(options => options.TlsClient.TargetHost = "example.test");
        error.Message.Should().Contain("localhost, 127.0.0.1").And.Contain("'example.test'").And.Contain("TlsClientOptions.TargetHost");
    }

    [Fact]
    public async Task Connect_TargetHostSet_IsWhatTheServerSees()
    {
        using var named = Certificates.Issue("CN=named", ["named.test"]);
        await using var pair = await ConnectAsync("tls", options =>
        {
            options.TlsServer.Certificate = named;
            options.TlsClient.TargetHost = "named.test";
        });
        pair.Server.GetFeature<ITlsFeature>()!.TargetHostName.Should().Be("named.test");
    }

    [Fact]
    public async Task Connect_ExpiredCertificate_SaysSo()
    {
        using var expired = Certificates.Issue("CN=localhost", ["localhost"], validDays: 0);
        var error = await FailToConnectAsync(options => options.TlsServer.Certificate = expired);
        error.Message.Should().Contain("not valid now");
    }

    [Fact]
    public async Task MutualTls_TrustedClient_ServerSeesItsCertificate()
    {
        await using var pair = await ConnectAsync("tls", options =>
        {
            options.TlsServer.ClientCertificateRequired = true;
            options.TlsServer.TrustedClientRoots = Certificates.Roots;
            options.TlsClient.ClientCertificates = [Certificates.Client];
        });
        pair.Server.GetFeature<ITlsFeature>()!.RemoteCertificate!.Thumbprint.Should().Be(Certificates.Client.Thumbprint);
        await pair.Client.SendAsync("mutual"u8.ToArray(), Token);
        (await pair.Server.ReceiveAsync(Token))!.Value.GetText().Should().Be("mutual");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task MutualTls_NoOrUntrustedCertificate_IsRefusedAndLogged(bool showsOne)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var stranger = new CertificateRequest("CN=stranger", key, HashAlgorithmName.SHA256)
            .CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        var log = new CollectingLoggerFactory();
        var options = Options(options =>
        {
            options.TlsServer.ClientCertificateRequired = true;
            options.TlsServer.TrustedClientRoots = Certificates.Roots;
            options.TlsClient.ClientCertificates = showsOne ? [stranger] : null;
        });
        await using var listener = await new TcpTransport(options, log).ListenAsync(ListenAddress("tls"), Token);

        // TLS 1.3 lets the client finish before the server has looked at its certificate.
        var failed = async () =>
        {
            await using var client = await new TcpTransport(options).ConnectAsync(listener.LocalAddress, Token);
            await client.ReceiveAsync(Token);
        };
        await failed.Should().ThrowAsync<TransportException>();
        var (level, text) = await log.WaitForAsync(2010, Token);
        level.Should().Be(LogLevel.Information);
        text.Should().Contain(showsOne ? "TlsServerOptions.TrustedClientRoots" : "showed no certificate");
    }

    [Theory]
    [InlineData(SslProtocols.Tls12, false)]
    [InlineData(SslProtocols.Tls12, true)]
    [InlineData(SslProtocols.Tls13, false)]
    [InlineData(SslProtocols.Tls13, true)]
    public async Task MutualTls_Refused_ClientIsToldToShowACertificate(SslProtocols version, bool sendsFirst)
    {
        var options = Options(options =>
        {
            options.TlsServer.ClientCertificateRequired = true;
            options.TlsServer.TrustedClientRoots = Certificates.Roots;
            options.TlsServer.EnabledSslProtocols = version;
        });
        await using var listener = await new TcpTransport(options).ListenAsync(ListenAddress("tls"), Token);

        var failed = async () =>
        {
            await using var client = await new TcpTransport(options).ConnectAsync(listener.LocalAddress, Token);
            if (sendsFirst)
            {
                await client.SendAsync("first"u8.ToArray(), Token);
            }

            await client.ReceiveAsync(Token);
        };

        (await failed.Should().ThrowAsync<TransportException>()).Which.Message.Should().Contain("TlsClientOptions.ClientCertificates");
    }

    [Fact]
    public async Task Connect_NoApplicationProtocolInCommon_Fails()
    {
        var error = await FailToConnectAsync(options =>
        {
            options.TlsClient.ApplicationProtocols = [new("a")];
            options.TlsServer.ApplicationProtocols = [new("b")];
        });
        error.Message.Should().Contain("ALPN");
    }

    [Fact]
    public async Task Handshake_CertificateSwapped_NextOneGetsTheNewOne()
    {
        using var renewed = Certificates.Issue("CN=renewed", ["localhost"]);
        var contexts = new[] { Certificates.Server, renewed }.Select(certificate => SslStreamCertificateContext.Create(certificate, null, offline: true)).ToArray();
        var current = contexts[0];
        var asked = new List<string?>();
        var transport = new TcpTransport(Options(options => options.TlsServer.CertificateSelector = name =>
        {
            asked.Add(name);
            return current;
        }));
        await using var listener = await transport.ListenAsync(ListenAddress("tls"), Token);
        await using var before = await transport.ConnectAsync(listener.LocalAddress, Token);
        current = contexts[1];
        await using var after = await transport.ConnectAsync(listener.LocalAddress, Token);
        before.GetFeature<ITlsFeature>()!.RemoteCertificate!.Thumbprint.Should().Be(Certificates.Server.Thumbprint);
        after.GetFeature<ITlsFeature>()!.RemoteCertificate!.Thumbprint.Should().Be(renewed.Thumbprint);
        asked.Should().Equal("localhost", "localhost");
    }

    [Fact]
    public async Task CertificateSelector_Throws_HandshakeFailsAndTheListenerGoesOn()
    {
        var log = new CollectingLoggerFactory();
        var fail = true;
        var context = SslStreamCertificateContext.Create(Certificates.Server, null, offline: true);
        var transport = new TcpTransport(
            Options(options => options.TlsServer.CertificateSelector = _ => fail ? throw new InvalidOperationException("no certificate today") : context), log);
        await using var listener = await transport.ListenAsync(ListenAddress("tls"), Token);
        await transport.Awaiting(t => t.ConnectAsync(listener.LocalAddress, Token).AsTask()).Should().ThrowAsync<TransportException>();
        (await log.WaitForAsync(2012, Token)).Level.Should().Be(LogLevel.Error);
        fail = false;
        await using var client = await transport.ConnectAsync(listener.LocalAddress, Token);
        await using var server = await listener.AcceptAsync(Token);
        server.Should().NotBeNull();
    }

    [Fact]
    public async Task Listen_WithoutACertificate_SaysWhatToSet()
        => (await new TcpTransport().Awaiting(t => t.ListenAsync(ListenAddress("tls"), Token).AsTask()).Should().ThrowAsync<ArgumentException>())
            .Which.Message.Should().Contain("TlsServerOptions").And.Contain("PemCertificateProvider");

    [Fact]
    public async Task Connect_ServerIsSilent_HandshakeTimeout()
    {
        var clock = new ManualTimeProvider();
        await using var plain = await new TcpTransport().ListenAsync(new Uri("tcp://127.0.0.1:0"), Token);
        var connecting = new TcpTransport(Options(options =>
            {
                options.TimeProvider = clock;
                options.ConnectTimeout = TimeSpan.FromDays(1);
            }))
            .ConnectAsync(new UriBuilder(plain.LocalAddress) { Scheme = "tls" }.Uri, Token).AsTask();

        await using var server = (await plain.AcceptAsync(Token))!;

        // Connecting has a day, and one address no attempt delay, so a timer of ten seconds is the handshake's.
        await clock.WhenTimerAsync(TimeSpan.FromSeconds(10));
        clock.Advance(TimeSpan.FromSeconds(10));
        await connecting.Invoking(task => task).Should().ThrowAsync<TransportException>().WithMessage("*HandshakeTimeout (10 s)*");
    }

    [Fact]
    public async Task Connect_ServerSpeaksPlainText_SaysSo()
    {
        await using var plain = await new TcpTransport().ListenAsync(ListenAddress("tcp"), Token);
        var connecting = new TcpTransport(Options()).ConnectAsync(new UriBuilder(plain.LocalAddress) { Scheme = "tls" }.Uri, Token).AsTask();
        await using var server = (await plain.AcceptAsync(Token))!;
        await server.SendAsync("HTTP/1.1 400 Bad Request\r\n\r\n"u8.ToArray(), Token);
        (await connecting.Invoking(task => task).Should().ThrowAsync<TransportException>())
            .Which.Message.Should().Contain("Check that the server speaks TLS on this port");
    }

    [Theory]
    [InlineData(SslProtocols.Tls12)]
    [InlineData(SslProtocols.Tls13)]
    public async Task End_WithoutCloseNotify_IsALostConnection(SslProtocols version)
    {
        foreach (var allowed in (bool[])[false, true])
        {
            await using var listener = await new TcpTransport(Options(options =>
            {
                options.TlsServer.AllowUnexpectedEof = allowed;
                options.TlsServer.EnabledSslProtocols = version;
            })).ListenAsync(ListenAddress("tls"), Token);
            var (raw, stream) = await ConnectTlsAsync(listener.LocalAddress);
            await using var server = (await listener.AcceptAsync(Token))!;
            await stream.WriteAsync(new byte[] { 0, 0, 0, 1, 42 }, Token);
            (await server.ReceiveAsync(Token))!.Value.ToArray().Should().Equal(42);
            raw.Shutdown(SocketShutdown.Send);
            if (allowed)
            {
                (await server.ReceiveAsync(Token)).Should().BeNull();
            }
            else
            {
                var error = await server.Awaiting(channel => channel.ReceiveAsync(Token).AsTask()).Should().ThrowAsync<MessageChannelClosedException>();
                error.Which.CloseInfo.Status.Should().Be(ChannelCloseStatus.ConnectionLost);
                error.Which.Message.Should().Contain("close_notify");
            }

            await stream.DisposeAsync();
        }
    }

    [Theory]
    [InlineData(SslProtocols.Tls12)]
    [InlineData(SslProtocols.Tls13)]
    public async Task End_WithCloseNotify_IsNullAndTheOtherWayStaysOpen(SslProtocols version)
    {
        await using var listener = await new TcpTransport(Options(options => options.TlsServer.EnabledSslProtocols = version)).ListenAsync(ListenAddress("tls"), Token);
        var (_, stream) = await ConnectTlsAsync(listener.LocalAddress);
        await using var server = (await listener.AcceptAsync(Token))!;
        var receiving = server.ReceiveAsync(Token);
        await stream.ShutdownAsync();
        (await receiving).Should().BeNull();
        await server.SendAsync(new byte[] { 7 }, Token);
        var frame = new byte[5];
        await stream.ReadExactlyAsync(frame, Token);
        frame.Should().Equal(0, 0, 0, 1, 7);
        await stream.DisposeAsync();
    }

    [Fact]
    public async Task PemCertificateProvider_FilesReplaced_NewCertificateAtTheNextHandshake()
    {
        var directory = Directory.CreateTempSubdirectory();
        try
        {
            var (certificatePath, keyPath) = (Path.Combine(directory.FullName, "cert.pem"), Path.Combine(directory.FullName, "key.pem"));
            using var first = Certificates.Issue("CN=first", ["localhost"]);
            using var second = Certificates.Issue("CN=second", ["localhost"]);
            Write(certificatePath, first.ExportCertificatePem(), 1);
            Write(keyPath, KeyOf(first), 1);
            var log = new CollectingLoggerFactory();
            var source = new PemCertificateProvider(certificatePath, keyPath, loggerFactory: log);
            var context = source.GetCertificateContext();
            context.TargetCertificate.Thumbprint.Should().Be(first.Thumbprint);
            source.GetCertificateContext("other").Should().BeSameAs(context);

            // Half of the renewal: the certificate without its key.
            Write(certificatePath, second.ExportCertificatePem(), 2);
            source.GetCertificateContext().Should().BeSameAs(context);
            source.GetCertificateContext().Should().BeSameAs(context);
            log.All.Count(line => line.Id == 1801).Should().Be(1);

            Write(keyPath, KeyOf(second), 2);
            await using var pair = await ConnectAsync("tls", options => options.TlsServer.CertificateSelector = source.GetCertificateContext);
            pair.Client.GetFeature<ITlsFeature>()!.RemoteCertificate!.Thumbprint.Should().Be(second.Thumbprint);
        }
        finally
        {
            directory.Delete(recursive: true);
        }

        static void Write(string path, string text, int day)
        {
            File.WriteAllText(path, text);
            File.SetLastWriteTimeUtc(path, new DateTime(2030, 1, day, 0, 0, 0, DateTimeKind.Utc));
        }

        static string KeyOf(X509Certificate2 certificate)
        {
            using var key = certificate.GetECDsaPrivateKey()!;
            return key.ExportPkcs8PrivateKeyPem();
        }
    }

    private static async Task<(Socket Socket, SslStream Stream)> ConnectTlsAsync(Uri address)
    {
        var socket = await ConnectRawAsync(address);
        var stream = new SslStream(new NetworkStream(socket, ownsSocket: true));
        await stream.AuthenticateAsClientAsync(
            new SslClientAuthenticationOptions
            {
                TargetHost = "localhost",
                CertificateChainPolicy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, CustomTrustStore = { Certificates.Authority }, RevocationMode = X509RevocationMode.NoCheck },
            },
            Token);
        return (socket, stream);
    }

    private static async Task<TransportException> FailToConnectAsync(Action<TcpTransportOptions> configure)
    {
        var transport = new TcpTransport(Options(configure));
        await using var listener = await transport.ListenAsync(ListenAddress("tls"), Token);
        return (await transport.Awaiting(t => t.ConnectAsync(listener.LocalAddress, Token).AsTask()).Should().ThrowAsync<TransportException>()).Which;
    }
}
