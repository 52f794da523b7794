using System.Security.Cryptography.X509Certificates;

namespace Transports.Engine;

/// <summary>How every certificate is checked, on every transport and either side.</summary>
internal static class TlsChainPolicy
{
    /// <summary>The policy for a set of roots; <see langword="null"/> for the system's.</summary>
    public static X509ChainPolicy Create(X509Certificate2Collection? roots, X509RevocationMode revocationMode)
    {
        var policy = new X509ChainPolicy
        {
            RevocationMode = revocationMode,

            // The peer sends its intermediates (RFC 8446, section 4.4.2); fetching some from an address that an unknown peer's
            // certificate names would let it choose what this machine asks for.
            DisableCertificateDownloads = true,
        };
        if (roots is not null)
        {
            policy.TrustMode = X509ChainTrustMode.CustomRootTrust;
            policy.CustomTrustStore.AddRange(roots);
        }

        return policy;
    }
}
