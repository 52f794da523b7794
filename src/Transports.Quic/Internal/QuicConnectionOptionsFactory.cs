using System.Net;
using System.Net.Quic;
using System.Net.Security;
using System.Runtime.Versioning;

namespace Transports.Quic;

/// <summary>Turns options into those of System.Net.Quic.</summary>
[SupportedOSPlatform("linux")]
[SupportedOSPlatform("macos")]
[SupportedOSPlatform("windows")]
internal static class QuicConnectionOptionsFactory
{
    public static QuicClientConnectionOptions ClientOptions(IPEndPoint target, string host, CertificateCheck check, QuicTransportOptions options) => new()
    {
        RemoteEndPoint = target,
        DefaultCloseErrorCode = QuicCodes.FromStatus(ChannelCloseStatus.Aborted),
        DefaultStreamErrorCode = QuicCodes.FromStatus(ChannelCloseStatus.Aborted),
        HandshakeTimeout = options.HandshakeTimeout,
        IdleTimeout = options.IdleTimeout,
        KeepAliveInterval = options.KeepAliveInterval,
        MaxInboundBidirectionalStreams = options.MaxInboundChannels,
        MaxInboundUnidirectionalStreams = 0,
        ClientAuthenticationOptions = WithProtocol(options.TlsClient.CreateAuthenticationOptions(host, check), options),
    };

    public static QuicServerConnectionOptions ServerOptions(
        SslClientHelloInfo hello, Func<string?, SslStreamCertificateContext> certificate, QuicTransportOptions options)
    {
        var authentication = options.TlsServer.CreateAuthenticationOptions(certificate(hello.ServerName is { Length: > 0 } name ? name : null));
        authentication.ApplicationProtocols = [options.ApplicationProtocol];
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

    private static SslClientAuthenticationOptions WithProtocol(SslClientAuthenticationOptions authentication, QuicTransportOptions options)
    {
        authentication.ApplicationProtocols = [options.ApplicationProtocol];
        return authentication;
    }
}
