using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Transports.Benchmarks;

/// <summary>tls beside a bare SslStream.</summary>
internal sealed class TlsBenchmarks : BenchmarkedTransport
{
    private static readonly Lazy<X509Certificate2> s_certificate = new(MakeCertificate);

    public override string Name => "tls";

    public override string Subject => "IMessageChannel over tls";

    public override string Baseline => "SslStream, by hand";

    protected override IEnumerable<Benchmark> OwnBenchmarks => [new WorkBenchmark(this, Work.Handshakes)];

    public override async Task<IBenchmarkSide> OpenSubjectAsync(Work work)
    {
        var transport = new TcpTransport(new TcpTransportOptions
        {
            TlsServer = new TlsServerOptions { Certificate = s_certificate.Value },
            TlsClient = new TlsClientOptions { TrustedRoots = [s_certificate.Value] },
        });
        if (work.Pattern == WorkPattern.Connecting)
        {
            var listener = await transport.ListenAsync(new Uri("tls://127.0.0.1:0"));
            return new ConnectionsSide(work, new IPEndPoint(IPAddress.Loopback, listener.LocalAddress.Port), s_certificate.Value, new ChannelAcceptor(listener));
        }

        return await ChannelSubject.OpenAsync(
            work,
            await transport.ListenAsync(new Uri("tls://localhost:0")),
            address => transport.ConnectAsync(address));
    }

    public override async Task<IBenchmarkSide> OpenBaselineAsync(Work work)
    {
        if (work.Pattern == WorkPattern.Connecting)
        {
            var acceptor = await KestrelTlsAcceptor.OpenAsync(s_certificate.Value);
            return new ConnectionsSide(work, acceptor.EndPoint, s_certificate.Value, acceptor);
        }

        var pairs = new List<(StreamBytes, StreamBytes)>();
        foreach (var (client, server) in await SocketPairs.ConnectTcpAsync(work.Connections))
        {
            pairs.Add(await EncryptAsync(client, server));
        }

        return new ByteStreamBaseline<StreamBytes>(work, pairs);
    }

    private static async Task<(StreamBytes Client, StreamBytes Server)> EncryptAsync(Socket client, Socket server)
    {
        var clientStream = new SslStream(new NetworkStream(client, ownsSocket: true));
        var serverStream = new SslStream(new NetworkStream(server, ownsSocket: true));
        var trust = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
        };
        trust.CustomTrustStore.Add(s_certificate.Value);
        await Task.WhenAll(
            clientStream.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = "localhost", CertificateChainPolicy = trust }),
            serverStream.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificate = s_certificate.Value }));
        return (new StreamBytes(clientStream), new StreamBytes(serverStream));
    }

    private static X509Certificate2 MakeCertificate()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        request.CertificateExtensions.Add(names.Build());
        var now = DateTimeOffset.UtcNow;
        using var made = request.CreateSelfSigned(now.AddMinutes(-5), now.AddDays(1));
        return X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pkcs12), password: null);
    }
}
