using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace Transports.Engine;

/// <summary>Checks the peer's certificate, and remembers what was wrong with the last one refused.</summary>
/// <param name="callback">Decides in place of the findings; may be <see langword="null"/>.</param>
/// <param name="roots">What is trusted in place of the system's roots; may be <see langword="null"/>.</param>
internal sealed class CertificateCheck(RemoteCertificateValidationCallback? callback, X509Certificate2Collection? roots)
{
    /// <summary>The name that a server's certificate must have where that is not the one asked for by SNI.</summary>
    public string? ExpectedName { get; init; }

    /// <summary>Findings that do not matter to this side.</summary>
    public SslPolicyErrors Ignored { get; init; }

    public SslPolicyErrors Errors { get; private set; }

    public X509ChainStatusFlags ChainErrors { get; private set; }

    /// <summary>The certificate that was refused.</summary>
    public X509Certificate2? Certificate { get; private set; }

    /// <summary>The last certificate that could be found on the way from the refused one to its root.</summary>
    public X509Certificate2? ChainEnd { get; private set; }

    /// <summary>Whether <see cref="ChainEnd"/> is among the trusted roots, though it is not one.</summary>
    public bool EndsAtTrustedIntermediate { get; private set; }

    /// <summary>A certificate was refused.</summary>
    public bool Refused { get; private set; }

    public bool Validate(object sender, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        errors &= ~Ignored;
        if (ExpectedName is { } name && errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch) && certificate is X509Certificate2 shown && shown.MatchesHostname(name))
        {
            errors &= ~SslPolicyErrors.RemoteCertificateNameMismatch;
        }

        var accepted = callback?.Invoke(sender, certificate, chain, errors) ?? errors == SslPolicyErrors.None;
        if (!accepted)
        {
            Remember(certificate, chain, errors);
        }

        return accepted;
    }

    // In copies, as a failing stream disposes its own before the failure can be explained.
    private void Remember(X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        Errors = errors;
        ChainErrors = X509ChainStatusFlags.NoError;
        foreach (var status in chain?.ChainStatus ?? [])
        {
            ChainErrors |= status.Status;
        }

        Certificate = certificate is null ? null : new X509Certificate2(certificate);
        var end = chain?.ChainElements.LastOrDefault()?.Certificate;
        ChainEnd = end is null ? null : new X509Certificate2(end);
        EndsAtTrustedIntermediate = end is not null && roots?.Any(root => root.RawDataMemory.Span.SequenceEqual(end.RawDataMemory.Span)) == true;
        Refused = true;
    }
}
