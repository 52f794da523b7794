using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace Transports;

/// <summary>How a client of <c>quic</c> addresses shows itself and checks the server. By default it trusts what the system trusts.</summary>
public sealed class QuicClientTlsOptions
{
    /// <summary>
    /// The name that the server's certificate must be for, and that is asked for by SNI. Default <see langword="null"/>: the
    /// address's host. No SNI is sent for an IP address.
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
}
