using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;

namespace Transports.Benchmarks;

/// <summary>Opens connections to a listener and gives them up once the server has said a first word. The client is bare sockets, whoever listens.</summary>
/// <param name="work">What to do.</param>
/// <param name="endPoint">Where the listener is.</param>
/// <param name="certificate">The listener's, for TLS; null without.</param>
/// <param name="acceptor">Accepts, sends the word and waits for the reset. Disposed at the end.</param>
internal sealed class ConnectionsSide(Work work, IPEndPoint endPoint, X509Certificate2? certificate, IAsyncDisposable acceptor) : IBenchmarkSide
{
    // A length of four bytes and a message of one.
    public const int WordSize = 5;

    // A handshake of its own each time: what is measured is what a new client costs.
    private readonly SslClientAuthenticationOptions? _tls = certificate is null ? null : new SslClientAuthenticationOptions
    {
        TargetHost = "localhost",
        AllowTlsResume = false,
        CertificateChainPolicy = Trust(certificate),
    };

    public Task RunAsync(long messages)
        => Task.WhenAll(Enumerable.Range(0, work.Senders).Select(_ => Task.Run(() => ConnectAsync(messages / work.Senders))));

    public ValueTask DisposeAsync() => acceptor.DisposeAsync();

    private static X509ChainPolicy Trust(X509Certificate2 certificate)
    {
        var trust = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        trust.CustomTrustStore.Add(certificate);
        return trust;
    }

    private async Task ConnectAsync(long connections)
    {
        var word = new byte[WordSize];
        for (long i = 0; i < connections; i++)
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };

            // A reset: a graceful end would keep each port for a minute, and soon there would be none left.
            socket.LingerState = new LingerOption(enable: true, seconds: 0);
            await socket.ConnectAsync(endPoint);
            if (_tls is null)
            {
                for (var have = 0; have < WordSize;)
                {
                    var count = await socket.ReceiveAsync(word.AsMemory(have), SocketFlags.None);
                    have += count > 0 ? count : throw new EndOfStreamException();
                }
            }
            else
            {
                await using var stream = new SslStream(new NetworkStream(socket), leaveInnerStreamOpen: true);
                await stream.AuthenticateAsClientAsync(_tls);
                await stream.ReadExactlyAsync(word);
            }
        }
    }
}
