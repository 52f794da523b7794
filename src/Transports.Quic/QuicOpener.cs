using System.Net;
using System.Net.Quic;
using System.Net.Security;
using System.Net.Sockets;
using System.Runtime.Versioning;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging;
using Transports.Extensibility;

namespace Transports;

/// <summary>Turns options into those of System.Net.Quic, and listens with them.</summary>
[SupportedOSPlatform("linux")]
[SupportedOSPlatform("macos")]
[SupportedOSPlatform("windows")]
internal static class QuicOpener
{
    public static async ValueTask<IMessageListener> ListenAsync(Uri address, QuicTransportOptions options, ILogger logger, CancellationToken cancellationToken)
    {
        if (options.TlsServer is { Certificate: null, CertificateSelector: null })
        {
            throw new InvalidOperationException(
                $"Listening at {AddressText.Of(address)} needs a certificate, as QUIC always encrypts: set QuicTransportOptions.TlsServer.Certificate or CertificateSelector.");
        }

        var target = address.Host is "*" or "+"
            ? IPAddress.IPv6Any
            : (await QuicAddresses.ResolveAsync(address, cancellationToken).ConfigureAwait(false))[0];
        try
        {
            var listener = await QuicListener.ListenAsync(
                new QuicListenerOptions
                {
                    ListenEndPoint = new IPEndPoint(target, address.Port),
                    ApplicationProtocols = [new SslApplicationProtocol(options.ApplicationProtocol)],
                    ListenBacklog = options.Backlog,
                    ConnectionOptionsCallback = (_, hello, _) => ValueTask.FromResult(ServerOptions(hello, options)),
                },
                cancellationToken).ConfigureAwait(false);
            var bound = QuicAddresses.ToUri(listener.LocalEndPoint);
            QuicLog.Listening(logger, bound);
            return new QuicMessageListener(listener, bound, options, logger);
        }
        catch (Exception e) when (e is QuicException or SocketException)
        {
            throw new TransportException($"The address {AddressText.Of(address)} could not be bound. {e.Message}", e);
        }
    }

    public static QuicClientConnectionOptions ClientOptions(IPEndPoint target, Uri address, QuicTransportOptions options) => new()
    {
        RemoteEndPoint = target,
        DefaultCloseErrorCode = QuicCodes.FromStatus(ChannelCloseStatus.Aborted),
        DefaultStreamErrorCode = QuicCodes.FromStatus(ChannelCloseStatus.Aborted),
        HandshakeTimeout = options.HandshakeTimeout,
        IdleTimeout = options.IdleTimeout,
        KeepAliveInterval = KeepAlive(options),
        MaxInboundBidirectionalStreams = options.MaxInboundChannels,
        MaxInboundUnidirectionalStreams = 0,
        ClientAuthenticationOptions = new SslClientAuthenticationOptions
        {
            ApplicationProtocols = [new SslApplicationProtocol(options.ApplicationProtocol)],
            TargetHost = options.TlsClient.TargetHost ?? address.IdnHost,
            ClientCertificates = options.TlsClient.ClientCertificates,
            CertificateRevocationCheckMode = options.TlsClient.RevocationMode,
            CertificateChainPolicy = ChainPolicy(options.TlsClient.TrustedRoots, options.TlsClient.RevocationMode),
            RemoteCertificateValidationCallback = options.TlsClient.RemoteCertificateValidationCallback,
        },
    };

    private static QuicServerConnectionOptions ServerOptions(SslClientHelloInfo hello, QuicTransportOptions options)
    {
        var tls = options.TlsServer;
        var authentication = new SslServerAuthenticationOptions
        {
            ApplicationProtocols = [new SslApplicationProtocol(options.ApplicationProtocol)],
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
            KeepAliveInterval = KeepAlive(options),
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

    private static TimeSpan KeepAlive(QuicTransportOptions options)
        => options.KeepAliveInterval == TimeSpan.Zero ? Timeout.InfiniteTimeSpan : options.KeepAliveInterval;

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
