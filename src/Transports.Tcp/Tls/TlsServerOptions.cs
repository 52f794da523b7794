using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace Transports;

/// <summary>How a listener on a <c>tls</c> address shows itself and checks its clients. It needs a certificate.</summary>
public sealed class TlsServerOptions
{
    /// <summary>The certificate, with its private key. Intermediates are taken from the system's store; where they come in a file, use <see cref="PemCertificateSource"/>.</summary>
    public X509Certificate2? Certificate { get; set; }

    /// <summary>
    /// Asked at every handshake for the certificate, with the name the client asked for (<see langword="null"/> when it
    /// named none): a renewed certificate is used without a restart, and one listener serves several names. Used instead of
    /// <see cref="Certificate"/>. It must be fast and is called by many threads at once; build a context once and return it
    /// again, such as <see cref="PemCertificateSource.GetContext"/> does. When it throws, that handshake fails.
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

    /// <summary>The application protocols accepted by ALPN, the preferred first. Default none: whatever a client offers is ignored. A client that offers only others is refused.</summary>
    public IList<SslApplicationProtocol> ApplicationProtocols { get; set; } = [];

    /// <summary>The TLS versions allowed. Default <see cref="SslProtocols.None"/>: those that the system holds for secure.</summary>
    public SslProtocols EnabledSslProtocols { get; set; } = SslProtocols.None;
}
