using System.Globalization;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using Microsoft.Extensions.Logging;

namespace Transports.Tcp;

/// <summary>Makes a channel of an accepted socket by a TLS handshake.</summary>
internal sealed class TlsSocketOpener(TcpTransportOptions options, Func<string?, SslStreamCertificateContext> certificate, ILogger logger)
    : SocketOpener(TcpAddress.Tls, options, logger)
{
    // A round trip over a slow way. The place is held meanwhile, and lost like that of any other handshake when others wait.
    private static readonly TimeSpan AlertTime = TimeSpan.FromSeconds(1);

    private const int DropSize = 1024;

    /// <inheritdoc/>
    public override async ValueTask<FramedMessageChannel?> OpenAsync(PendingConnection connection, Uri listening, CancellationToken stopping)
    {
        var tls = Options.TlsServer;
        var check = tls.CreateCheck();
        using var deadline = new ConnectDeadline(Options.HandshakeTimeout, Options.TimeProvider, stopping);
        SslStream? stream = null;
        Uri? remote = null;
        Exception? certificateError = null;
        try
        {
            Prepare(connection.Socket);
            remote = HostAddress.ToUri(Scheme, connection.Socket.RemoteEndPointOrNull());
            var transport = new TlsSocketStream(connection.Socket, connection.NoteHeard);
            stream = new SslStream(transport, leaveInnerStreamOpen: false);
            await stream.AuthenticateAsServerAsync(SelectOptions, null, deadline.Token).ConfigureAwait(false);
            return TcpMessageChannel.Create(stream, transport, tls.AllowUnexpectedEof, Options, Context(connection.Socket, listening, encrypted: true));
        }
        catch (Exception e)
        {
            var dropped = connection.Dropped;
            if (e is AuthenticationException && !dropped && !deadline.Token.IsCancellationRequested)
            {
                await LetAlertArriveAsync(connection.Socket, deadline.Token).ConfigureAwait(false);
            }

            connection.Abort();
            if (stream is not null)
            {
                await stream.DisposeAsync().ConfigureAwait(false);
            }

            if (!stopping.IsCancellationRequested)
            {
                LogFailure(remote, e, deadline.HasElapsed, dropped, connection.Heard, check, certificateError);
            }

            return null;
        }

        ValueTask<SslServerAuthenticationOptions> SelectOptions(SslStream _, SslClientHelloInfo hello, object? state, CancellationToken cancellationToken)
        {
            try
            {
                return new(tls.CreateAuthenticationOptions(certificate(string.IsNullOrEmpty(hello.ServerName) ? null : hello.ServerName), check));
            }
            catch (Exception e)
            {
                certificateError = e;
                throw;
            }
        }
    }

    // The alert says why (RFC 8446, section 6.2), and a reset right behind it could overtake it: the peer's end is awaited, for a moment.
    private async Task LetAlertArriveAsync(Socket socket, CancellationToken cancellationToken)
    {
        using var deadline = new ConnectDeadline(AlertTime, Options.TimeProvider, cancellationToken);
        var dropped = new byte[DropSize];
        try
        {
            socket.Shutdown(SocketShutdown.Send);
            while (await socket.ReceiveAsync(dropped, deadline.Token).ConfigureAwait(false) > 0)
            {
                // What the client has sent meanwhile is nobody's.
            }
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException or ObjectDisposedException)
        {
            // It broke off, or does not end: then it is reset.
        }
    }

    private void LogFailure(Uri? remote, Exception error, bool timedOut, bool dropped, bool heard, CertificateCheck check, Exception? certificateError)
    {
        if (certificateError is not null)
        {
            Log.NoServerCertificate(Logger, certificateError, remote);
        }
        else if (check.Refused)
        {
            Log.HandshakeFailed(Logger, remote, TlsErrors.ExplainClientCertificate(check));
        }
        else if (timedOut)
        {
            Log.HandshakeFailed(Logger, remote, string.Create(CultureInfo.InvariantCulture, $"It did not end within HandshakeTimeout ({Options.HandshakeTimeout.TotalSeconds:0.###} s)."));
        }
        else if (!heard)
        {
            Log.PeerSaidNothing(Logger, remote);
        }
        else if (dropped)
        {
            Log.HandshakeFailed(Logger, remote, "It had lasted for over a second while others waited for a place (AcceptBacklog).");
        }
        else if (error is AuthenticationException or IOException or SocketException or ObjectDisposedException)
        {
            Log.HandshakeFailed(Logger, remote, TlsErrors.Reason(error));
        }
        else
        {
            // Not the peer's doing, such as a callback that throws.
            Log.HandshakeBroke(Logger, error, remote);
        }
    }
}
