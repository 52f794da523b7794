using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;

namespace Transports.Conformance.Tests;

public sealed class TlsConformanceTests : TransportConformanceTests
{
    // A handshake costs about a millisecond of processor time on each side.
    protected override int ConnectionCount => 2_000;

    protected override ITransport CreateTransport(ConformanceOptions options)
    {
        var tls = options.ApplyTo(new TcpTransportOptions());
        tls.TlsServer.Certificate = TestCertificates.Shared.Server;
        tls.TlsClient.TrustedRoots = TestCertificates.Shared.Roots;
        return new TcpTransport(tls);
    }

    protected override Uri CreateListenAddress() => new("tls://localhost:0");

    protected override async ValueTask<RawPeer?> ConnectRawPeerAsync(Uri address, CancellationToken cancellationToken)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(address.Host, address.Port, cancellationToken);
        var stream = new SslStream(new NetworkStream(socket, ownsSocket: true));
        var trust = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        trust.CustomTrustStore.AddRange(TestCertificates.Shared.Roots);
        await stream.AuthenticateAsClientAsync(
            new SslClientAuthenticationOptions { TargetHost = "localhost", CertificateChainPolicy = trust },
            cancellationToken);
        return RawPeer.Create(stream, LengthPrefixed.Message, () => SocketAbort.Reset(socket), stream.ShutdownAsync);
    }
}
