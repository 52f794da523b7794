using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace Transports;

/// <summary>Checks the peer's certificate in one handshake, and remembers what was wrong with it.</summary>
internal sealed class CertificateCheck(RemoteCertificateValidationCallback? callback)
{
    public SslPolicyErrors Errors { get; private set; }

    public X509ChainStatusFlags ChainErrors { get; private set; }

    /// <summary>The certificate that was refused.</summary>
    public X509Certificate2? Certificate { get; private set; }

    /// <summary>The certificate was refused.</summary>
    public bool Refused { get; private set; }

    /// <summary>The policy for a set of roots; <see langword="null"/> for the system's, which <see cref="SslStream"/> knows.</summary>
    public static X509ChainPolicy? PolicyFor(X509Certificate2Collection? roots, X509RevocationMode revocationMode)
    {
        if (roots is null)
        {
            return null;
        }

        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = revocationMode,

            // The peer sends its intermediates; fetching some from an address that it names is asking for trouble.
            DisableCertificateDownloads = true,
        };
        policy.CustomTrustStore.AddRange(roots);
        return policy;
    }

    public bool Validate(object sender, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        Errors = errors;
        foreach (var status in chain?.ChainStatus ?? [])
        {
            ChainErrors |= status.Status;
        }

        var accepted = callback?.Invoke(sender, certificate, chain, errors) ?? errors == SslPolicyErrors.None;
        if (!accepted)
        {
            // A copy, as the failing stream disposes its own before the failure can be explained.
            Refused = true;
            Certificate = certificate is null ? null : new X509Certificate2(certificate);
        }

        return accepted;
    }
}
