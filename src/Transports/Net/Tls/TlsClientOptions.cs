using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace Transports;

/// <summary>How a client shows itself over TLS and checks the server, on every encrypted transport. By default it trusts what the system trusts.</summary>
/// <remarks>No certificate is ever fetched from an address that another certificate names: a server has to send its intermediates (RFC 8446, section 4.4.2).</remarks>
public sealed class TlsClientOptions
{
    /// <summary>
    /// The name that the server's certificate must be for, and that is asked for by SNI. Default <see langword="null"/>: the
    /// address's host. Set it where a server is reached by an address that its certificate does not name. Over HTTP (<c>wss</c>, <c>sse+https</c>,
    /// <c>grpc+https</c>) SNI follows the address or the request's Host header, and this is only what the certificate must be for.
    /// </summary>
    public string? TargetHost { get; set; }

    /// <summary>
    /// The authorities to trust, or a server's own self-signed certificate, instead of those that the system trusts. Default
    /// <see langword="null"/>: the system's. An intermediate among them is used to find the way to its root, which has to be here too.
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
    /// <see cref="PemCertificateProvider.GetCertificateContext"/>; used instead of <see cref="ClientCertificates"/>. Default none.
    /// Over HTTP the certificate is sent without its intermediates.
    /// </summary>
    public Func<string?, SslStreamCertificateContext>? ClientCertificateSelector { get; set; }

    /// <summary>The application protocols offered by ALPN on <c>tls</c> addresses, the preferred first; the other transports name their own. Default none.</summary>
    public IList<SslApplicationProtocol> ApplicationProtocols { get; set; } = [];

    /// <summary>The TLS versions allowed. Default <see cref="SslProtocols.None"/>: those that the system holds for secure.</summary>
    public SslProtocols EnabledSslProtocols { get; set; } = SslProtocols.None;

    /// <summary>
    /// Takes the end of a connection without a close_notify for an orderly one, on <c>tls</c> addresses. Default <see langword="false"/>: anybody
    /// on the way can cut a connection like that, so it is <see cref="ChannelCloseStatus.ConnectionLost"/>. Set it for servers
    /// that never send one, with a framing whose messages tell their own end.
    /// </summary>
    public bool AllowUnexpectedEof { get; set; }

    /// <summary>What these options say, in the platform's terms; for transports.</summary>
    /// <param name="host">The address's host. <see langword="null"/> leaves the name to who connects, as an HTTP handler does; its certificate is then checked against <see cref="TargetHost"/> where that is set.</param>
    /// <returns>Options of the caller's own, to be used for one connection, or for one handler.</returns>
    public SslClientAuthenticationOptions CreateAuthenticationOptions(string? host)
        => CreateAuthenticationOptions(host, CreateCheck(host is null ? TargetHost : null));

    internal CertificateCheck CreateCheck(string? expectedName) => new(RemoteCertificateValidationCallback, TrustedRoots) { ExpectedName = expectedName };

    internal SslClientAuthenticationOptions CreateAuthenticationOptions(string? host, CertificateCheck check)
    {
        var options = new SslClientAuthenticationOptions
        {
            EnabledSslProtocols = EnabledSslProtocols,
            ApplicationProtocols = ApplicationProtocols.Count > 0 ? [.. ApplicationProtocols] : null,
            CertificateRevocationCheckMode = RevocationMode,
            CertificateChainPolicy = TlsChainPolicy.Create(TrustedRoots, RevocationMode),
            RemoteCertificateValidationCallback = check.Validate,
        };
        if (host is not null)
        {
            options.TargetHost = TargetHost ?? host;
            options.ClientCertificateContext = ClientCertificateSelector?.Invoke(options.TargetHost);
        }
        else if (ClientCertificateSelector is { } select)
        {
            // The options outlive a handshake, so a context here would never be renewed.
            options.LocalCertificateSelectionCallback = (_, name, _, _, _) => select(name).TargetCertificate;
        }

        options.ClientCertificates = ClientCertificateSelector is null ? ClientCertificates : null;
        return options;
    }
}
