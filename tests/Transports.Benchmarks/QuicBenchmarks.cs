using System.Net;
using System.Net.Quic;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Compare.Relays;

namespace Transports.Benchmarks;

/// <summary>quic beside a bare QuicStream, a write per message. Only where libmsquic is installed.</summary>
internal sealed class QuicBenchmarks : BenchmarkedTransport
{
    private static readonly Lazy<X509Certificate2> s_certificate = new(MakeCertificate);

    // A stream does not keep its connection from being collected, and so closed; nor a connection its listener, whose
    // socket it uses.
    private readonly List<IAsyncDisposable> _kept = [];

    public override string Name => "quic";

    public override string Subject => "IMessageChannel over quic";

    public override string Baseline => "QuicStream, a write per message";

    public override IEnumerable<Work> Works => QuicTransport.IsSupported ? Work.All : [];

    public override Wire Wire => Wire.Udp;

    public override async Task<IBenchmarkSide> OpenSubjectAsync(Work work)
    {
        var transport = new QuicTransport(new QuicTransportOptions
        {
            TlsServer = new TlsServerOptions { Certificate = s_certificate.Value },
            TlsClient = new TlsClientOptions { TrustedRoots = [s_certificate.Value] },
        });
        return await ChannelSubject.OpenAsync(
            work,
            await transport.ListenAsync(new Uri("quic://localhost:0")),
            address => transport.ConnectAsync(address));
    }

    public override async Task<IBenchmarkSide> OpenBaselineAsync(Work work)
    {
        var protocol = new SslApplicationProtocol("bare");
        var listener = await QuicListener.ListenAsync(new QuicListenerOptions
        {
            ListenEndPoint = new IPEndPoint(IPAddress.Loopback, 0),
            ApplicationProtocols = [protocol],
            ConnectionOptionsCallback = (_, _, _) => ValueTask.FromResult(new QuicServerConnectionOptions
            {
                DefaultCloseErrorCode = 0,
                DefaultStreamErrorCode = 0,
                MaxInboundBidirectionalStreams = 1,
                ServerAuthenticationOptions = new SslServerAuthenticationOptions { ApplicationProtocols = [protocol], ServerCertificate = s_certificate.Value },
            }),
        });
        _kept.Add(listener);
        var pairs = new List<(StreamBytes, StreamBytes)>();
        for (var i = 0; i < work.Connections; i++)
        {
            var accepting = listener.AcceptConnectionAsync();
            var client = await QuicConnection.ConnectAsync(new QuicClientConnectionOptions
            {
                RemoteEndPoint = listener.LocalEndPoint,
                DefaultCloseErrorCode = 0,
                DefaultStreamErrorCode = 0,
                ClientAuthenticationOptions = new SslClientAuthenticationOptions
                {
                    ApplicationProtocols = [protocol],
                    TargetHost = "localhost",

                    // By hand, to itself, for a second.
                    RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate?.GetCertHashString() == s_certificate.Value.GetCertHashString(),
                },
            });
            var server = await accepting;
            _kept.AddRange([client, server]);
            var clientStream = await client.OpenOutboundStreamAsync(QuicStreamType.Bidirectional);
            await clientStream.WriteAsync(new byte[1]);
            var serverStream = await server.AcceptInboundStreamAsync();
            await serverStream.ReadExactlyAsync(new byte[1]);
            pairs.Add((new StreamBytes(clientStream), new StreamBytes(serverStream)));
        }

        return new ByteStreamBaseline<StreamBytes>(work, pairs, writeSize: 0);
    }

    private static X509Certificate2 MakeCertificate()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        var now = DateTimeOffset.UtcNow;
        using var made = request.CreateSelfSigned(now.AddMinutes(-5), now.AddDays(1));
        return X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pkcs12), password: null);
    }
}
