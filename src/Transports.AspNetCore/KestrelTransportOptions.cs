using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Transports;

/// <summary>How <see cref="KestrelTransport"/> listens.</summary>
public sealed class KestrelTransportOptions : MessageChannelOptions
{
    /// <summary>How WebSockets are served, at <c>ws</c> and <c>wss</c>.</summary>
    public WebSocketServerOptions WebSockets { get; } = new();

    /// <summary>How server-sent events are served, at <c>sse+http</c> and <c>sse+https</c>.</summary>
    public SseServerOptions Sse { get; } = new();

    /// <summary>How gRPC and gRPC-Web calls are served, at <c>grpc+http</c> and <c>grpc+https</c>.</summary>
    public GrpcServerOptions Grpc { get; } = new();

    /// <summary>How HTTP/2 connections are kept alive.</summary>
    public Http2ServerOptions Http2 { get; } = new();

    /// <summary>How listeners at <c>wss</c>, <c>sse+https</c> and <c>grpc+https</c>, which need a certificate, show themselves and check their clients.</summary>
    public TlsServerOptions Tls { get; set; } = new();

    /// <summary>
    /// Who may open channels and how long silent clients may keep them; one guard may serve several routes and listeners. Default none. A client that asks for too much gets HTTP status
    /// 429, or 503 when the server is full, both with Retry-After, before anything is opened. Clients are told apart by the connection's address, which the forwarded headers middleware
    /// corrects behind a proxy, and by the authenticated user.
    /// </summary>
    public ConnectionGuard? Guard { get; set; }

    /// <summary>How the system asks over silent connections whether the client's machine is still there. On by default.</summary>
    public TcpKeepAliveOptions TcpKeepAlive { get; set; } = new();

    /// <summary>
    /// The HTTP versions. Default <see langword="null"/>: for gRPC HTTP/2; for the others HTTP/1.1, and with a certificate HTTP/2 too. Without a certificate a port speaks either
    /// HTTP/1.1 or <see cref="HttpProtocols.Http2"/>, not both. <see cref="HttpProtocols.Http3"/>, alone or beside others, needs a certificate and MsQuic (<c>libmsquic</c> on Linux),
    /// and beside others a port that is not 0. gRPC needs HTTP/2 or HTTP/3; <see cref="HttpProtocols.Http1"/> beside them is for gRPC-Web.
    /// </summary>
    public HttpProtocols? Protocols { get; set; }

    /// <summary>How many opened channels wait to be accepted; more are refused with HTTP status 503, or gRPC's UNAVAILABLE. Default 512; from 1.</summary>
    public int AcceptBacklog { get; set; } = 512;

    /// <summary>How many channels one HTTP/2 connection may carry at once. Default 100, HTTP/2's usual; from 1 to 65,536. Clients open another connection or wait.</summary>
    public int MaxStreamsPerConnection { get; set; } = 100;

    /// <summary>How many bytes a client may send on one HTTP/2 stream before they are received. Default 1 MiB; from 65,535 to 16 MiB.</summary>
    public int StreamWindowSize { get; set; } = 1024 * 1024;

    /// <summary>Changes Kestrel's options, after everything else was set and before it listens. Default none.</summary>
    public Action<KestrelServerOptions>? ConfigureKestrel { get; set; }

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        WebSockets.Validate();
        Sse.Validate();
        Grpc.Validate();
        Http2.Validate();
        ArgumentNullException.ThrowIfNull(Tls);
        ArgumentNullException.ThrowIfNull(TcpKeepAlive);
        TcpKeepAlive.Validate();
        OptionGuard.ThrowIfOutOfRange(AcceptBacklog, 1, int.MaxValue, nameof(AcceptBacklog));
        OptionGuard.ThrowIfOutOfRange(MaxStreamsPerConnection, 1, 65_536, nameof(MaxStreamsPerConnection));
        OptionGuard.ThrowIfOutOfRange(StreamWindowSize, 65_535, 16 * 1024 * 1024, nameof(StreamWindowSize));
    }

    internal ProtocolOptions ToProtocolOptions() => new() { Channels = this, WebSockets = WebSockets, Sse = Sse, Grpc = Grpc, Guard = Guard };
}
