using System.Globalization;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;

namespace Transports.Tcp;

/// <summary>The client's side of a TLS handshake.</summary>
internal static class TlsClientHandshake
{
    /// <summary>Runs it. Owns the socket: nothing is left open on failure.</summary>
    public static async Task<(SslStream Stream, TlsSocketStream Transport)> RunAsync(
        Socket socket, string host, AddressText shown, TcpTransportOptions options, CancellationToken cancellationToken)
    {
        var tls = options.TlsClient;
        var targetHost = tls.TargetHost ?? host;
        var check = tls.CreateCheck(expectedName: null);
        var transport = new TlsSocketStream(socket);
        var stream = new SslStream(transport, leaveInnerStreamOpen: false);
        using var deadline = new ConnectDeadline(options.HandshakeTimeout, options.TimeProvider, cancellationToken);
        try
        {
            await stream.AuthenticateAsClientAsync(tls.CreateAuthenticationOptions(host, check), deadline.Token).ConfigureAwait(false);
            return (stream, transport);
        }
        catch (Exception e)
        {
            SocketAbort.Reset(socket);
            await stream.DisposeAsync().ConfigureAwait(false);
            deadline.ThrowIfCallerCancelled();
            if (deadline.HasElapsed)
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
                    $"The TLS handshake with {shown} failed: {TlsErrors.Reason(e)} Check that the server speaks TLS on this port; that it accepts this side's application protocols (ALPN) and TLS versions; and, if it asks for a client certificate, that TlsClientOptions.ClientCertificates has one that it trusts.",
                    e);
            }

            throw;
        }
    }
}
