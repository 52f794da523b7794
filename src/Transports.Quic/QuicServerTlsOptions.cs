using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace Transports;

/// <summary>How a listener on a <c>quic</c> address shows itself and checks its clients. It needs a certificate.</summary>
public sealed class QuicServerTlsOptions
{
    /// <summary>The certificate, with its private key.</summary>
    public X509Certificate2? Certificate { get; set; }

    /// <summary>
    /// Asked at every handshake for the certificate, with the name the client asked for (<see langword="null"/> when it
    /// named none): a renewed certificate is used without a restart. Used instead of <see cref="Certificate"/>. Called by many
    /// threads at once. When it throws, that handshake fails.
    /// </summary>
    public Func<string?, SslStreamCertificateContext>? CertificateSelector { get; set; }

    /// <summary>Asks every client for a certificate and refuses one without, or with one that the checks find fault with. Default <see langword="false"/>.</summary>
    public bool ClientCertificateRequired { get; set; }

    /// <summary>The authorities whose client certificates are trusted, instead of those that the system trusts. Default <see langword="null"/>: the system's.</summary>
    public X509Certificate2Collection? TrustedClientRoots { get; set; }

    /// <summary>Decides about a client's certificate, given what the usual checks found; called where <see cref="ClientCertificateRequired"/>. Default <see langword="null"/>: any finding ends the handshake.</summary>
    public RemoteCertificateValidationCallback? ClientCertificateValidationCallback { get; set; }

    /// <summary>Whether client certificates are looked up as revoked. Default <see cref="X509RevocationMode.NoCheck"/>: looking asks the authority over the network during the handshake.</summary>
    public X509RevocationMode RevocationMode { get; set; } = X509RevocationMode.NoCheck;
}
