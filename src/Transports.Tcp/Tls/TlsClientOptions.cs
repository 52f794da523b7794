using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace Transports;

/// <summary>How a client of <c>tls</c> addresses shows itself and checks the server. By default it trusts what the system trusts.</summary>
public sealed class TlsClientOptions
{
    /// <summary>
    /// The name that the server's certificate must be for, and that is asked for by SNI. Default <see langword="null"/>: the
    /// address's host. Set it where a server is reached by an address that its certificate does not name.
    /// </summary>
    public string? TargetHost { get; set; }

    /// <summary>
    /// The authorities to trust, or a server's own self-signed certificate, instead of those that the system trusts. Default
    /// <see langword="null"/>: the system's.
    /// </summary>
    public X509Certificate2Collection? TrustedRoots { get; set; }

    /// <summary>
    /// Decides about the server's certificate, given what the usual checks found. Default <see langword="null"/>: any
    /// finding ends the handshake. One that returns <see langword="true"/> in spite of findings lets anyone in between.
    /// </summary>
    public RemoteCertificateValidationCallback? RemoteCertificateValidationCallback { get; set; }

    /// <summary>Whether certificates are looked up as revoked. Default <see cref="X509RevocationMode.NoCheck"/>: looking asks the authority over the network during the handshake.</summary>
    public X509RevocationMode RevocationMode { get; set; } = X509RevocationMode.NoCheck;

    /// <summary>Certificates with private keys to choose from when the server asks for one. Default none.</summary>
    public X509Certificate2Collection? ClientCertificates { get; set; }

    /// <summary>
    /// Asked at every handshake, with the server's name, for the certificate to show, such as
    /// <see cref="PemCertificateSource.GetContext"/>; used instead of <see cref="ClientCertificates"/>. Default none.
    /// </summary>
    public Func<string?, SslStreamCertificateContext>? ClientCertificateSelector { get; set; }

    /// <summary>The application protocols offered by ALPN, the preferred first. Default none.</summary>
    public IList<SslApplicationProtocol> ApplicationProtocols { get; set; } = [];

    /// <summary>The TLS versions allowed. Default <see cref="SslProtocols.None"/>: those that the system holds for secure.</summary>
    public SslProtocols EnabledSslProtocols { get; set; } = SslProtocols.None;
}
