using System.Globalization;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Transports.Engine;

/// <summary>Says why a TLS handshake failed, and what to do about it.</summary>
internal static class TlsErrors
{
    private const X509ChainStatusFlags NotTrusted = X509ChainStatusFlags.UntrustedRoot | X509ChainStatusFlags.PartialChain;

    /// <summary>For a client, about a server's certificate that it refused.</summary>
    public static string ExplainServerCertificate(CertificateCheck check, string targetHost)
    {
        var text = new StringBuilder();
        if (check.Errors.HasFlag(SslPolicyErrors.RemoteCertificateNotAvailable))
        {
            text.Append("The server showed no certificate. ");
        }

        if (check.Errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch))
        {
            text.Append(CultureInfo.InvariantCulture, $"The server's certificate is for {NamesOf(check.Certificate)}, not for '{targetHost}'. Connect by a name that it has, or set TlsClientOptions.TargetHost to that name. ");
        }

        AppendChain(text, check, "the server's certificate", "TlsClientOptions.TrustedRoots");
        if (check.Errors == SslPolicyErrors.None)
        {
            text.Append("TlsClientOptions.RemoteCertificateValidationCallback refused the server's certificate. ");
        }

        return text.ToString().TrimEnd();
    }

    /// <summary>For a server, about a client's certificate that it refused.</summary>
    public static string ExplainClientCertificate(CertificateCheck check)
    {
        var text = new StringBuilder();
        if (check.Errors.HasFlag(SslPolicyErrors.RemoteCertificateNotAvailable))
        {
            text.Append("The client showed no certificate, and one is required. ");
        }

        AppendChain(text, check, "the client's certificate", "TlsServerOptions.TrustedClientRoots");
        if (check.Errors == SslPolicyErrors.None)
        {
            text.Append("TlsServerOptions.ClientCertificateValidationCallback refused the client's certificate. ");
        }

        return text.ToString().TrimEnd();
    }

    /// <summary>Whether the peer has said by an alert why it ends the connection (RFC 8446, section 6). The platform tells it by the TLS library's text alone.</summary>
    public static bool IsAlert(Exception error)
    {
        for (var current = error; current is not null; current = current.InnerException)
        {
            if (current.Message.Contains("alert", StringComparison.OrdinalIgnoreCase))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The innermost message: that of the TLS library, where there is one.</summary>
    public static string Reason(Exception error)
    {
        var innermost = error.GetBaseException();
        return innermost == error ? error.Message : $"{error.Message} {innermost.Message}";
    }

    private static void AppendChain(StringBuilder text, CertificateCheck check, string whose, string rootsOption)
    {
        if (!check.Errors.HasFlag(SslPolicyErrors.RemoteCertificateChainErrors))
        {
            return;
        }

        var certificate = check.Certificate;
        if ((check.ChainErrors & NotTrusted) != 0)
        {
            text.Append(CultureInfo.InvariantCulture, $"No trusted authority vouches for {whose} ({certificate?.Subject}, issued by {certificate?.Issuer}). ");
            text.Append(AdviseOnTrust(check, rootsOption));
        }

        if ((check.ChainErrors & X509ChainStatusFlags.NotTimeValid) != 0)
        {
            text.Append(CultureInfo.InvariantCulture, $"A certificate in the chain of {whose} is not valid now (this one from {certificate?.NotBefore.ToUniversalTime():u} to {certificate?.NotAfter.ToUniversalTime():u}). Renew it, or set this machine's clock right. ");
        }

        var others = check.ChainErrors & ~(NotTrusted | X509ChainStatusFlags.NotTimeValid);
        if (others != 0 || check.ChainErrors == 0)
        {
            text.Append(CultureInfo.InvariantCulture, $"The chain of {whose} ({certificate?.Subject}) is not valid: {others}. ");
        }
    }

    private static string AdviseOnTrust(CertificateCheck check, string rootsOption)
    {
        var end = check.ChainEnd ?? check.Certificate;
        if (end is null)
        {
            return "";
        }

        if (end.SubjectName.RawData.AsSpan().SequenceEqual(end.IssuerName.RawData))
        {
            return $"Its chain ends with {end.Subject}, which issued itself and is not trusted. If it is yours, add that certificate to {rootsOption} or to the system's store. ";
        }

        return check.EndsAtTrustedIntermediate
            ? $"{rootsOption} has {end.Subject}, which is an intermediate: it counts only up to a root that is trusted. Add the self-signed certificate of that root, towards {end.Issuer}, to {rootsOption} as well. "
            : $"The certificate of {end.Issuer}, which issued {end.Subject}, was not sent and is not known here. If it is an intermediate, the other side has to send it along with its own certificate; if it is a root of yours, add its self-signed certificate to {rootsOption} or to the system's store. ";
    }

    private static string NamesOf(X509Certificate2? certificate)
    {
        var names = certificate?.Extensions.OfType<X509SubjectAlternativeNameExtension>()
            .SelectMany(extension => extension.EnumerateDnsNames().Concat(extension.EnumerateIPAddresses().Select(ip => ip.ToString())))
            .ToArray() ?? [];
        return names.Length > 0 ? string.Join(", ", names) : $"no name but its subject, {certificate?.Subject}";
    }
}
