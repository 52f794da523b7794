using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Transports.Interop.Tests;

/// <summary>What tests with QUIC programs of others share: a certificate in files, and whether all is there.</summary>
internal sealed class QuicPeers : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("transports-quic").FullName;

    public QuicPeers()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        names.AddIpAddress(System.Net.IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        var now = DateTimeOffset.UtcNow;
        using var made = request.CreateSelfSigned(now.AddDays(-1), now.AddDays(30));
        Certificate = X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pkcs12), password: null);
        File.WriteAllText(CertificateFile, made.ExportCertificatePem());
        File.WriteAllText(KeyFile, key.ExportPkcs8PrivateKeyPem());
    }

    public X509Certificate2 Certificate { get; }

    public string CertificateFile => Path.Combine(_directory, "certificate.pem");

    public string KeyFile => Path.Combine(_directory, "key.pem");

    /// <summary>Skips the test where this machine lacks QUIC, or the other program.</summary>
    public static void Require()
    {
        Requirement.SkipUnless(
            QuicTransport.IsSupported, "quic", "QUIC needs the native library libmsquic, 2.5 or later; see TransportUnavailableException for how to install it.");
        Peer.RequireNode("@matrixai/quic", "node-quic", "npm install --no-package-lock --ignore-scripts");
        Requirement.SkipUnless(
            RuntimeInformation.OSArchitecture == Architecture.X64, "quic-x64", "The package @matrixai/quic is built for x64 only on Linux.");
    }

    public QuicTransportOptions Options() => new()
    {
        TlsServer = new TlsServerOptions { Certificate = Certificate },
        TlsClient = new TlsClientOptions { TrustedRoots = [Certificate] },
    };

    public void Dispose()
    {
        Certificate.Dispose();
        Directory.Delete(_directory, recursive: true);
    }
}
