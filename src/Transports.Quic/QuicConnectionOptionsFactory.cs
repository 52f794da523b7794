using System.Net;
using System.Net.Quic;
using System.Net.Security;
using System.Runtime.Versioning;
using System.Security.Cryptography.X509Certificates;

namespace Transports;

/// <summary>Turns options into those of System.Net.Quic.</summary>
[SupportedOSPlatform("linux")]
[SupportedOSPlatform("macos")]
[SupportedOSPlatform("windows")]
internal static class QuicConnectionOptionsFactory
{
    public static QuicClientConnectionOptions ClientOptions(IPEndPoint target, Uri address, QuicTransportOptions options) => new()
    {
        RemoteEndPoint = target,
        DefaultCloseErrorCode = QuicCodes.FromStatus(ChannelCloseStatus.Aborted),
        DefaultStreamErrorCode = QuicCodes.FromStatus(ChannelCloseStatus.Aborted),
        HandshakeTimeout = options.HandshakeTimeout,
        IdleTimeout = options.IdleTimeout,
        KeepAliveInterval = options.KeepAliveInterval,
        MaxInboundBidirectionalStreams = options.MaxInboundChannels,
        MaxInboundUnidirectionalStreams = 0,
        ClientAuthenticationOptions = new SslClientAuthenticationOptions
        {
            ApplicationProtocols = [options.ApplicationProtocol],
            TargetHost = options.TlsClient.TargetHost ?? address.IdnHost,
            ClientCertificates = options.TlsClient.ClientCertificates,
            CertificateRevocationCheckMode = options.TlsClient.RevocationMode,
            CertificateChainPolicy = ChainPolicy(options.TlsClient.TrustedRoots, options.TlsClient.RevocationMode),
            RemoteCertificateValidationCallback = options.TlsClient.RemoteCertificateValidationCallback,
        },
    };

    public static QuicServerConnectionOptions ServerOptions(SslClientHelloInfo hello, QuicTransportOptions options)
    {
        var tls = options.TlsServer;
        var authentication = new SslServerAuthenticationOptions
        {
            ApplicationProtocols = [options.ApplicationProtocol],
            ClientCertificateRequired = tls.ClientCertificateRequired,
            CertificateRevocationCheckMode = tls.RevocationMode,
            CertificateChainPolicy = ChainPolicy(tls.TrustedClientRoots, tls.RevocationMode),
            RemoteCertificateValidationCallback = tls.ClientCertificateRequired ? (sender, certificate, chain, errors) => Accepts(tls, sender, certificate, chain, errors) : null,
        };
        if (tls.CertificateSelector is { } select)
        {
            authentication.ServerCertificateContext = select(hello.ServerName is { Length: > 0 } name ? name : null);
        }
        else
        {
            authentication.ServerCertificate = tls.Certificate;
        }

        return new QuicServerConnectionOptions
        {
            DefaultCloseErrorCode = QuicCodes.FromStatus(ChannelCloseStatus.Aborted),
            DefaultStreamErrorCode = QuicCodes.FromStatus(ChannelCloseStatus.Aborted),
            HandshakeTimeout = options.HandshakeTimeout,
            IdleTimeout = options.IdleTimeout,
            KeepAliveInterval = options.KeepAliveInterval,
            MaxInboundBidirectionalStreams = options.MaxInboundChannels,
            MaxInboundUnidirectionalStreams = 0,
            ServerAuthenticationOptions = authentication,
        };
    }

    // System.Net.Quic compares a client's certificate with the name that the client asked the server for, which a client's
    // certificate has no reason to carry.
    private static bool Accepts(QuicServerTlsOptions tls, object sender, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        errors &= ~SslPolicyErrors.RemoteCertificateNameMismatch;
        return tls.ClientCertificateValidationCallback is { } decide ? decide(sender, certificate, chain, errors) : errors == SslPolicyErrors.None;
    }

    private static X509ChainPolicy? ChainPolicy(X509Certificate2Collection? roots, X509RevocationMode revocation)
    {
        if (roots is null)
        {
            return null;
        }

        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = revocation };
        policy.CustomTrustStore.AddRange(roots);
        return policy;
    }
}
