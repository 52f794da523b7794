using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Transports.Benchmarks;

/// <summary>grpc+http or grpc+https beside a loop that writes and flushes each message on one HTTP/2 stream, over the same HTTP client and server.</summary>
internal sealed class GrpcBenchmarks(bool isEncrypted) : BenchmarkedTransport
{
    private static readonly Lazy<X509Certificate2> s_certificate = new(MakeCertificate);

    public override string Name => isEncrypted ? "grpc-tls" : "grpc";

    public override string Subject => isEncrypted ? "IMessageChannel over grpc+https" : "IMessageChannel over grpc+http";

    public override string Baseline => "HTTP/2 stream, a flush a message";

    // The baseline is one stream and one caller.
    public override IEnumerable<Work> Works => Work.All.Where(static work => work.Pattern != WorkPattern.Pipelined && work.Senders == 1);

    private X509Certificate2? Certificate => isEncrypted ? s_certificate.Value : null;

    public override async Task<IBenchmarkSide> OpenSubjectAsync(Work work)
    {
        var transport = new GrpcTransport(new GrpcTransportOptions { Tls = { TrustedRoots = Certificate is null ? null : [Certificate] } });
        var server = new KestrelTransport(new KestrelTransportOptions { Tls = { Certificate = Certificate } });
        return await ChannelSubject.OpenAsync(
            work,
            await server.ListenAsync(new Uri(isEncrypted ? "grpc+https://localhost:0/bench.Bench/Run" : "grpc+http://localhost:0/bench.Bench/Run")),
            address => transport.ConnectAsync(address));
    }

    public override async Task<IBenchmarkSide> OpenBaselineAsync(Work work) => await Http2LoopBaseline.OpenAsync(work, Certificate);

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
