using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Transports;

/// <summary>Limits and settings of listeners for <c>grpc+http</c> and <c>grpc+https</c>.</summary>
public class GrpcServerTransportOptions : MessageChannelOptions
{
    /// <summary>How listeners at <c>grpc+https</c>, which need a certificate, show themselves and check their clients.</summary>
    public TlsServerOptions Tls { get; set; } = new();

    /// <summary>How the system asks over silent connections whether the client's machine is still there. On by default.</summary>
    public TcpKeepAliveOptions TcpKeepAlive { get; set; } = new();

    /// <summary>
    /// The HTTP versions. Default <see cref="HttpProtocols.Http2"/>; <see cref="HttpProtocols.Http3"/>, alone or beside it, needs a certificate and MsQuic (<c>libmsquic</c> on Linux), and beside it a
    /// port that is not 0. <see cref="HttpProtocols.Http1"/> beside them is for gRPC-Web.
    /// </summary>
    public HttpProtocols Protocols { get; set; } = HttpProtocols.Http2;

    /// <summary>Accept gzip from clients, and use it for those that accept it. Default off: secrets beside text that an attacker chooses should not be compressed, and small messages gain nothing.</summary>
    public bool EnableGzip { get; set; }

    /// <summary>The smallest message compressed, in bytes. Default 1 KiB; from 0 to 1 GiB.</summary>
    public int GzipThreshold { get; set; } = 1024;

    /// <summary>How many channels may wait to be accepted; further calls are refused with UNAVAILABLE. Default 512; from 1 to 65,536.</summary>
    public int AcceptBacklog { get; set; } = 512;

    /// <summary>How many calls one connection may carry at once. Default 100, HTTP/2's usual; from 1 to 65,536. Clients open another connection or wait.</summary>
    public int MaxStreamsPerConnection { get; set; } = 100;

    /// <summary>How many bytes a client may send on one call before they are received. Default 1 MiB; from 65,535 to 16 MiB.</summary>
    public int StreamWindowSize { get; set; } = 1024 * 1024;

    /// <summary>How long a connection may be silent before an HTTP/2 PING asks whether the client is still there. Default 30 seconds; at least 1 second. Without an answer a stopped client would never be noticed.</summary>
    public TimeSpan KeepAliveInterval { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How long to wait for the answer to a PING before the connection counts as lost. Default 20 seconds; at least 1 second.</summary>
    public TimeSpan KeepAliveTimeout { get; set; } = TimeSpan.FromSeconds(20);

    /// <summary>Changes the server before it starts, for what has no option here, such as client certificates.</summary>
    public Action<KestrelServerOptions>? ConfigureKestrel { get; set; }

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        ArgumentNullException.ThrowIfNull(Tls);
        ArgumentNullException.ThrowIfNull(TcpKeepAlive);
        TcpKeepAlive.Validate();
        if ((Protocols & (HttpProtocols.Http2 | HttpProtocols.Http3)) == 0)
        {
            throw new ArgumentOutOfRangeException(nameof(Protocols), Protocols, "gRPC needs trailers, so HTTP/2 or HTTP/3: set Protocols to one that has either.");
        }

        OptionGuard.ThrowIfOutOfRange(GzipThreshold, 0, 1024 * 1024 * 1024, nameof(GzipThreshold));
        OptionGuard.ThrowIfOutOfRange(AcceptBacklog, 1, 65_536, nameof(AcceptBacklog));
        OptionGuard.ThrowIfOutOfRange(MaxStreamsPerConnection, 1, 65_536, nameof(MaxStreamsPerConnection));
        OptionGuard.ThrowIfOutOfRange(StreamWindowSize, 65_535, 16 * 1024 * 1024, nameof(StreamWindowSize));
        ArgumentOutOfRangeException.ThrowIfLessThan(KeepAliveInterval, TimeSpan.FromSeconds(1));
        ArgumentOutOfRangeException.ThrowIfLessThan(KeepAliveTimeout, TimeSpan.FromSeconds(1));
    }
}
