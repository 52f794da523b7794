using System.Security.Cryptography.X509Certificates;

namespace Transports.Grpc.Tests;

public class TlsTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task ConnectAsync_AuthorityIsTrusted_MessagesPass()
    {
        var roots = TestCertificates.Shared.Roots;
        await using var pair = await OpenAsync(TestCertificates.Shared.Server, new GrpcTransportOptions { Tls = { TrustedRoots = roots } });

        await pair.Client.SendAsync(new byte[] { 7 }, Token);

        (await pair.Server.ReceiveAsync(Token))!.Value.ToArray().Should().Equal(7);
        pair.Client.Characteristics.IsEncrypted.Should().BeTrue();
        pair.Server.Characteristics.IsEncrypted.Should().BeTrue();
    }

    [Fact]
    public async Task ConnectAsync_AuthorityIsNotTrusted_SaysWhatToCheck()
    {
        var connect = async () => await OpenAsync(TestCertificates.Shared.Server, new GrpcTransportOptions());

        (await connect.Should().ThrowAsync<TransportException>()).WithMessage("*grpc+https://localhost:*TLS handshake failed*issued by*TrustedRoots*");
    }

    [Fact]
    public async Task ConnectAsync_AnotherAuthorityIsTrusted_IsRefused()
    {
        var connect = async () => await OpenAsync(TestCertificates.Shared.Server, new GrpcTransportOptions { Tls = { TrustedRoots = new TestCertificates().Roots } });

        (await connect.Should().ThrowAsync<TransportException>()).WithMessage("*TLS handshake failed*");
    }

    [Fact]
    public async Task ConnectAsync_CertificateOfAnotherName_IsRefusedThoughTrusted()
    {
        using var other = TestCertificates.Shared.Issue("CN=other", ["other.test"]);
        var connect = async () => await OpenAsync(other, new GrpcTransportOptions { Tls = { TrustedRoots = TestCertificates.Shared.Roots } });

        (await connect.Should().ThrowAsync<TransportException>()).WithMessage("*TLS handshake failed*name*");
    }

    [Fact]
    public async Task ListenAsync_EncryptedWithoutCertificate_NamesTheOption()
    {
        var listen = async () => await new KestrelTransport().ListenAsync(new Uri("grpc+https://localhost:0"), Token);

        (await listen.Should().ThrowAsync<ArgumentException>()).WithMessage("*needs a certificate*TlsServerOptions*");
    }

    [Fact]
    public async Task ConnectAsync_CleartextToATlsPort_SaysSo()
    {
        await using var listener = await new KestrelTransport(new KestrelTransportOptions { Tls = { Certificate = TestCertificates.Shared.Server } })
            .ListenAsync(new Uri("grpc+https://localhost:0"), Token);
        using var transport = new GrpcTransport();
        var talk = async () =>
        {
            await using var channel = await transport.ConnectAsync(new UriBuilder(listener.LocalAddress) { Scheme = "grpc+http" }.Uri, Token);
            await channel.ReceiveAsync(Token);
        };

        await talk.Should().ThrowAsync<TransportException>();
    }

    private static Task<GrpcPair> OpenAsync(X509Certificate2 certificate, GrpcTransportOptions client)
        => GrpcPair.OpenAsync(client, new KestrelTransportOptions { Tls = { Certificate = certificate } }, scheme: "grpc+https");
}
