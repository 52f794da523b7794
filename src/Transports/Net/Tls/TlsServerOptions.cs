using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace Transports;

/// <summary>How a listener shows itself over TLS and checks its clients, on every encrypted transport. It needs a certificate.</summary>
/// <remarks>No certificate is ever fetched from an address that another certificate names: a client has to send its intermediates (RFC 8446, section 4.4.2).</remarks>
public sealed class TlsServerOptions
{
    /// <summary>The certificate, with its private key. Intermediates are taken from the system's store; where they come in a file, use <see cref="PemCertificateProvider"/>.</summary>
    public X509Certificate2? Certificate { get; set; }

    /// <summary>
    /// Asked at every handshake for the certificate, with the name the client asked for (<see langword="null"/> when it
    /// named none): a renewed certificate is used without a restart, and one listener serves several names. Used instead of
    /// <see cref="Certificate"/>. It must be fast and is called by many threads at once; build a context once and return it
    /// again, such as <see cref="PemCertificateProvider.GetCertificateContext"/> does. When it throws, that handshake fails.
    /// </summary>
    public Func<string?, SslStreamCertificateContext>? CertificateSelector { get; set; }

    /// <summary>Asks every client for a certificate and refuses one without, or with one that the checks find fault with. Default <see langword="false"/>.</summary>
    public bool ClientCertificateRequired { get; set; }

    /// <summary>The authorities whose client certificates are trusted, instead of those that the system trusts. Default <see langword="null"/>: the system's. An intermediate among them is used to find the way to its root, which has to be here too.</summary>
    public X509Certificate2Collection? TrustedClientRoots { get; set; }

    /// <summary>Decides about a client's certificate, given what the usual checks found; called where <see cref="ClientCertificateRequired"/>. Default <see langword="null"/>: any finding ends the handshake.</summary>
    public RemoteCertificateValidationCallback? ClientCertificateValidationCallback { get; set; }

    /// <summary>Whether client certificates are looked up as revoked. Default <see cref="X509RevocationMode.NoCheck"/>: looking asks the authority over the network during the handshake.</summary>
    public X509RevocationMode RevocationMode { get; set; } = X509RevocationMode.NoCheck;

    /// <summary>The application protocols accepted by ALPN on <c>tls</c> addresses, the preferred first; the other transports name their own. Default none: whatever a client offers is ignored. A client that offers only others is refused.</summary>
    public IList<SslApplicationProtocol> ApplicationProtocols { get; set; } = [];

    /// <summary>The TLS versions allowed. Default <see cref="SslProtocols.None"/>: those that the system holds for secure.</summary>
    public SslProtocols EnabledSslProtocols { get; set; } = SslProtocols.None;

    /// <summary>
    /// Takes the end of a connection without a close_notify for an orderly one, on <c>tls</c> addresses. Default <see langword="false"/>: anybody
    /// on the way can cut a connection like that, so it is <see cref="ChannelCloseStatus.ConnectionLost"/>. Set it for clients
    /// that never send one, with a framing whose messages tell their own end.
    /// </summary>
    public bool AllowUnexpectedEof { get; set; }

    /// <summary>What gives the certificate for a server's name, made once for a listener; for transports.</summary>
    /// <param name="address">The address to listen at, for the error.</param>
    /// <returns><see cref="CertificateSelector"/>, or what always gives <see cref="Certificate"/>.</returns>
    /// <exception cref="ArgumentException">There is no certificate, or it has no private key.</exception>
    public Func<string?, SslStreamCertificateContext> CreateCertificateSelector(Uri address)
    {
        if (CertificateSelector is { } selector)
        {
            return selector;
        }

        var certificate = Certificate ?? throw new ArgumentException(
            $"Listening at {AddressText.Of(address)} needs a certificate: set Certificate or CertificateSelector in the {nameof(TlsServerOptions)} of the transport's options, for instance to new PemCertificateProvider(\"cert.pem\", \"key.pem\").GetCertificateContext.",
            nameof(address));
        if (!certificate.HasPrivateKey)
        {
            throw new ArgumentException(
                $"The certificate in {nameof(TlsServerOptions)}.{nameof(Certificate)} ({certificate.Subject}) has no private key, so {AddressText.Of(address)} cannot be listened at. Load it together with its key.",
                nameof(address));
        }

        // Offline: nothing is fetched while clients wait.
        var context = SslStreamCertificateContext.Create(certificate, additionalCertificates: null, offline: true);
        return _ => context;
    }

    /// <summary>What these options say, in the platform's terms; for transports.</summary>
    /// <param name="certificate">The certificate for this handshake.</param>
    /// <returns>Options of the caller's own, for one handshake.</returns>
    public SslServerAuthenticationOptions CreateAuthenticationOptions(SslStreamCertificateContext certificate)
        => CreateAuthenticationOptions(certificate, CreateCheck());

    // Some stacks compare a client's certificate with the name that the client asked the server for, which a client's
    // certificate has no reason to carry.
    internal CertificateCheck CreateCheck()
        => new(ClientCertificateValidationCallback, TrustedClientRoots) { Ignored = SslPolicyErrors.RemoteCertificateNameMismatch };

    internal SslServerAuthenticationOptions CreateAuthenticationOptions(SslStreamCertificateContext certificate, CertificateCheck check) => new()
    {
        ServerCertificateContext = certificate,
        EnabledSslProtocols = EnabledSslProtocols,
        ApplicationProtocols = ApplicationProtocols.Count > 0 ? [.. ApplicationProtocols] : null,
        ClientCertificateRequired = ClientCertificateRequired,
        CertificateRevocationCheckMode = RevocationMode,
        CertificateChainPolicy = ClientCertificateRequired ? TlsChainPolicy.Create(TrustedClientRoots, RevocationMode) : null,

        // Without asking for a certificate there is none to check.
        RemoteCertificateValidationCallback = ClientCertificateRequired ? check.Validate : null,
    };
}
