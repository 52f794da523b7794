using System.Net;
using System.Net.Quic;
using System.Net.Security;

namespace Transports.Quic.Tests;

/// <summary>The other end by hand, so that it can misbehave.</summary>
internal static class RawQuic
{
    public static ValueTask<QuicConnection> ConnectAsync(Uri address, CancellationToken cancellationToken)
        => QuicConnection.ConnectAsync(
            new QuicClientConnectionOptions
            {
                RemoteEndPoint = new IPEndPoint(IPAddress.Loopback, address.Port),
                DefaultCloseErrorCode = 0,
                DefaultStreamErrorCode = 0,

                // None come; but waiting for one tells how the connection ends.
                MaxInboundBidirectionalStreams = 1,
                ClientAuthenticationOptions = new SslClientAuthenticationOptions
                {
                    ApplicationProtocols = [QuicTransportOptions.DefaultApplicationProtocol],
                    TargetHost = "localhost",
                    RemoteCertificateValidationCallback = (_, _, _, _) => true,
                },
            },
            cancellationToken);

    /// <param name="streams">How many streams each client may have open.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public static ValueTask<QuicListener> ListenAsync(int streams, CancellationToken cancellationToken)
    {
        var protocol = QuicTransportOptions.DefaultApplicationProtocol;
        return QuicListener.ListenAsync(
            new QuicListenerOptions
            {
                ListenEndPoint = new IPEndPoint(IPAddress.Loopback, 0),
                ApplicationProtocols = [protocol],
                ConnectionOptionsCallback = (_, _, _) => ValueTask.FromResult(new QuicServerConnectionOptions
                {
                    DefaultCloseErrorCode = 0,
                    DefaultStreamErrorCode = 0,
                    MaxInboundBidirectionalStreams = streams,
                    ServerAuthenticationOptions = new SslServerAuthenticationOptions { ApplicationProtocols = [protocol], ServerCertificate = QuicTestCertificate.Value },
                }),
            },
            cancellationToken);
    }

    /// <summary>Waits until the other end closes the connection, and gives its code.</summary>
    public static async Task<long?> ClosedAsync(this QuicConnection connection, CancellationToken cancellationToken)
    {
        try
        {
            await connection.AcceptInboundStreamAsync(cancellationToken);
        }
        catch (QuicException e)
        {
            return e.ApplicationErrorCode;
        }

        throw new InvalidOperationException("A stream came.");
    }

    public static Uri Address(this QuicListener listener) => HostAddress.ToUri("quic", listener.LocalEndPoint)!;
}
