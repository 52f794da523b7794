using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Transports.Tests;

namespace Transports.Conformance.Tests;

internal static class TestAuthority
{
    /// <summary>Makes an HTTP client trust the test's authority, and nobody else.</summary>
    public static void Trust(SocketsHttpHandler handler)
    {
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.AddRange(TestCertificates.Shared.Roots);
        handler.SslOptions = new SslClientAuthenticationOptions { CertificateChainPolicy = policy };
    }
}
