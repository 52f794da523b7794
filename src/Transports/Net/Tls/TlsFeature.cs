using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace Transports.Extensibility;

/// <summary>What a handshake agreed on, taken down once, as the stream no longer tells when it is disposed; for transports.</summary>
/// <param name="stream">A stream whose handshake is done. Not kept.</param>
public sealed class TlsFeature(SslStream stream) : ITlsFeature
{
    /// <inheritdoc/>
    public SslProtocols SslProtocol { get; } = stream.SslProtocol;

    /// <inheritdoc/>
    public TlsCipherSuite NegotiatedCipherSuite { get; } = stream.NegotiatedCipherSuite;

    /// <inheritdoc/>
    public SslApplicationProtocol NegotiatedApplicationProtocol { get; } = stream.NegotiatedApplicationProtocol;

    /// <inheritdoc/>
    public X509Certificate2? RemoteCertificate { get; } = stream.RemoteCertificate as X509Certificate2;

    /// <inheritdoc/>
    public string TargetHostName { get; } = stream.TargetHostName;
}
