using System.Globalization;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;

namespace Transports;

/// <summary>The client's side of a TLS handshake.</summary>
internal static class TlsClientHandshake
{
    /// <summary>Runs it. Owns the socket: nothing is left open on failure.</summary>
    public static async Task<(SslStream Stream, TlsSocketStream Transport)> RunAsync(
        Socket socket, string host, Uri shown, TcpTransportOptions options, CancellationToken cancellationToken)
    {
        var tls = options.TlsClient;
        var targetHost = tls.TargetHost ?? host;
        var check = new CertificateCheck(tls.RemoteCertificateValidationCallback);
        var transport = new TlsSocketStream(socket);
        var stream = new SslStream(transport, leaveInnerStreamOpen: false);
        using var timeout = new CancellationTokenSource(options.HandshakeTimeout, options.TimeProvider);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, timeout.Token);
        try
        {
            await stream.AuthenticateAsClientAsync(OptionsFor(tls, targetHost, check), either.Token).ConfigureAwait(false);
            return (stream, transport);
        }
        catch (Exception e)
        {
            SocketAbort.Reset(socket);
            await stream.DisposeAsync().ConfigureAwait(false);
            cancellationToken.ThrowIfCancellationRequested();
            if (timeout.IsCancellationRequested)
            {
                throw new TransportException(
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"The TLS handshake with {shown} did not end within HandshakeTimeout ({options.HandshakeTimeout.TotalSeconds:0.###} s). Check that the server speaks TLS there, or raise the timeout."),
                    e);
            }

            if (check.Refused)
            {
                throw new TransportException($"The TLS handshake with {shown} failed. {TlsErrors.ExplainServerCertificate(check, targetHost)}", e);
            }

            if (e is AuthenticationException or IOException or SocketException)
            {
                throw new TransportException(
                    $"The TLS handshake with {shown} failed: {TlsErrors.Reason(e)} Check that the server speaks TLS on this port; that it accepts this side's application protocols (ALPN) and TLS versions; and, if it asks for a client certificate, that TlsClient.ClientCertificates has one that it trusts.",
                    e);
            }

            throw;
        }
    }

    private static SslClientAuthenticationOptions OptionsFor(TlsClientOptions tls, string targetHost, CertificateCheck check) => new()
    {
        TargetHost = targetHost,
        EnabledSslProtocols = tls.EnabledSslProtocols,
        ApplicationProtocols = tls.ApplicationProtocols.Count > 0 ? [.. tls.ApplicationProtocols] : null,
        ClientCertificates = tls.ClientCertificateSelector is null ? tls.ClientCertificates : null,
        ClientCertificateContext = tls.ClientCertificateSelector?.Invoke(targetHost),
        CertificateRevocationCheckMode = tls.RevocationMode,
        CertificateChainPolicy = CertificateCheck.PolicyFor(tls.TrustedRoots, tls.RevocationMode),
        RemoteCertificateValidationCallback = check.Validate,
    };
}
