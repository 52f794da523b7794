using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Transports.Quic.Tests;

/// <summary>A certificate for this machine's own names, made anew in each process.</summary>
internal static class QuicTestCertificate
{
    public static X509Certificate2 Value { get; } = Create("localhost");

    public static X509Certificate2 Create(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(name);
        names.AddIpAddress(IPAddress.Loopback);
        names.AddIpAddress(IPAddress.IPv6Loopback);
        request.CertificateExtensions.Add(names.Build());
        var now = DateTimeOffset.UtcNow;
        using var made = request.CreateSelfSigned(now.AddDays(-1), now.AddDays(30));

        // With a key that every platform's TLS takes.
        return X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pkcs12), password: null);
    }

    /// <summary>Options that show this certificate and trust it alone.</summary>
    public static QuicTransportOptions Use(QuicTransportOptions options)
    {
        options.TlsServer.Certificate = Value;
        options.TlsClient.TrustedRoots = [Value];
        return options;
    }
}
