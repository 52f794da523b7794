using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace Transports;

/// <summary>What was agreed, taken down once: the stream no longer tells when it is disposed.</summary>
internal sealed class TlsFeature(SslStream stream) : ITlsFeature
{
    public SslProtocols SslProtocol { get; } = stream.SslProtocol;

    public TlsCipherSuite NegotiatedCipherSuite { get; } = stream.NegotiatedCipherSuite;

    public SslApplicationProtocol NegotiatedApplicationProtocol { get; } = stream.NegotiatedApplicationProtocol;

    public X509Certificate2? RemoteCertificate { get; } = stream.RemoteCertificate as X509Certificate2;

    public string TargetHostName { get; } = stream.TargetHostName;
}
