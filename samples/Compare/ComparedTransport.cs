using System.Security.Cryptography.X509Certificates;
using Compare.Relays;
using Microsoft.Extensions.DependencyInjection;
using Transports;

namespace Compare;

/// <summary>One row of the comparison. A new transport is one entry in <see cref="All"/>.</summary>
/// <param name="Name">The row's name, for <c>--only</c>.</param>
/// <param name="ListenAddress">Where to listen; port 0 lets the system choose.</param>
/// <param name="Wire">What lies underneath.</param>
/// <param name="IsReachableFromBrowsers">A web page can open this transport.</param>
/// <param name="Register">Registers the transport, with whatever it needs to trust the sample's own certificate.</param>
internal sealed record ComparedTransport(
    string Name,
    Func<Uri> ListenAddress,
    Wire Wire,
    bool IsReachableFromBrowsers,
    Action<ITransportsBuilder, SampleCertificate> Register)
{
    /// <summary>All rows, in the order in which they are shown.</summary>
    public static IReadOnlyList<ComparedTransport> All { get; } =
    [
        new("mem", () => new Uri("mem://compare"), Wire.Memory, false, (builder, _) => builder.AddMemory()),
        new("tcp", () => new Uri("tcp://127.0.0.1:0"), Wire.Tcp, false, AddTcp),
        new("tls", () => new Uri("tls://127.0.0.1:0"), Wire.Tcp, false, AddTcp),
        new("unix", () => new Uri("unix://" + Path.Combine(Path.GetTempPath(), $"compare-{Guid.NewGuid():N}.sock")), Wire.Unix, false, AddTcp),
        new("udp", () => new Uri("udp://127.0.0.1:0"), Wire.Udp, false, (builder, _) => builder.AddUdp(

            // The default is what every network carries; loopback carries the largest, and so the 16 KiB messages.
            options => options.MaxMessageSize = UdpTransportOptions.MaxDatagramSize)),
        new("quic", () => new Uri("quic://127.0.0.1:0"), Wire.Udp, false, AddQuic),
        new("ws", () => new Uri("ws://127.0.0.1:0/"), Wire.Tcp, true, AddWeb),
        new("wss", () => new Uri("wss://127.0.0.1:0/"), Wire.Tcp, true, AddWeb),
        new("sse", () => new Uri("sse+http://127.0.0.1:0/?duplex"), Wire.Tcp, true, AddWeb),
        new("grpc", () => new Uri("grpc+http://127.0.0.1:0"), Wire.Tcp, false, AddGrpc),
        new("grpc-tls", () => new Uri("grpc+https://127.0.0.1:0"), Wire.Tcp, false, AddGrpc),
    ];

    private static void AddQuic(ITransportsBuilder builder, SampleCertificate certificate)
        => builder.AddQuic(options =>
        {
            options.TlsServer.Certificate = certificate.Certificate;
            options.TlsClient.TrustedRoots = [certificate.Certificate];
        });

    private static void AddGrpc(ITransportsBuilder builder, SampleCertificate certificate)
        => builder
            .AddGrpc(options => options.Tls.TrustedRoots = [certificate.Certificate])
            .AddKestrel(options => options.Tls.Certificate = certificate.Certificate);

    private static void AddWeb(ITransportsBuilder builder, SampleCertificate certificate)
        => builder
            .AddKestrel(options => options.Tls.Certificate = certificate.Certificate)
            .AddSse()
            .AddWebSockets(options => options.Tls.TrustedRoots = [certificate.Certificate]);

    private static void AddTcp(ITransportsBuilder builder, SampleCertificate certificate)
        => builder.AddTcp(options =>
        {
            options.TlsServer.Certificate = certificate.Certificate;
            options.TlsClient.TrustedRoots = [certificate.Certificate];
        });
}
