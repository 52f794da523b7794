using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Transports;

/// <summary>
/// Listens at <c>ws</c>, <c>wss</c>, <c>sse+http</c>, <c>sse+https</c>, <c>grpc+http</c> and <c>grpc+https</c> addresses with a Kestrel of its own; the clients are in the packages of the
/// protocols. In an application that has a web server, <c>MapMessageChannel</c> serves the same protocols at its routes.
/// </summary>
/// <remarks>
/// It listens at <c>localhost</c>, which is 127.0.0.1 and ::1, at an IP address of this machine, or at <c>[::]</c> for all of them. Channels are opened at the address's path. A gRPC address
/// names a method, <c>grpc+http://localhost:5000/package.Service/Method</c>, and without a path it is <c>transports.v1.MessageChannel/Connect</c>; calls of other methods get UNIMPLEMENTED.
/// How gRPC's statuses map is told by <see cref="GrpcTransport"/>.
/// </remarks>
public sealed class KestrelTransport : IServerTransport
{
    private readonly KestrelTransportOptions _options;
    private readonly ILoggerFactory _loggerFactory;

    /// <summary>A transport with options of its own.</summary>
    /// <param name="options">How to listen; by default as <see cref="KestrelTransportOptions"/> says. Not to be changed afterwards.</param>
    /// <param name="loggerFactory">Where to log; by default nowhere.</param>
    /// <exception cref="ArgumentException">An option is out of its range.</exception>
    public KestrelTransport(KestrelTransportOptions? options = null, ILoggerFactory? loggerFactory = null)
    {
        _options = options ?? new KestrelTransportOptions();
        _options.Validate();
        _loggerFactory = loggerFactory ?? NullLoggerFactory.Instance;
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> Schemes { get; } = ["ws", "wss", "sse+http", "sse+https", GrpcAddress.Cleartext, GrpcAddress.Encrypted];

    /// <inheritdoc/>
    public ChannelCharacteristics GetCharacteristics(string scheme) => scheme switch
    {
        "sse+http" or "sse+https" => SseChannels.Describe(ChannelDirection.UnidirectionalSend, isReliable: true, isEncrypted: scheme == "sse+https", isMultiplexed: false),
        GrpcAddress.Cleartext or GrpcAddress.Encrypted => GrpcChannels.Describe(ChannelSide.Server, hasEnvelope: false, scheme == GrpcAddress.Encrypted),
        _ => WebSocketTransport.CharacteristicsOf(isEncrypted: scheme == "wss", isMultiplexed: false),
    } with { MaxMessageSize = _options.MaxMessageSize };

    /// <inheritdoc/>
    public async ValueTask<IMessageListener> ListenAsync(Uri address, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(address);
        if (!address.IsAbsoluteUri || !Schemes.Contains(address.Scheme))
        {
            throw new ArgumentException($"Kestrel listens here at {string.Join(", ", Schemes)} addresses, not at '{AddressText.Of(address)}'.", nameof(address));
        }

        AddressText.ThrowIfUserInfo(address, "check clients' credentials by their requests", nameof(address));
        return await KestrelListener.StartAsync(address, SettingsOf(address), ServingOf(address), _loggerFactory, cancellationToken).ConfigureAwait(false);
    }

    private static bool IsGrpc(Uri address) => address.Scheme is GrpcAddress.Cleartext or GrpcAddress.Encrypted;

    private KestrelListenerSettings SettingsOf(Uri address)
    {
        var isGrpc = IsGrpc(address);
        var protocols = _options.Protocols
            ?? (isGrpc ? HttpProtocols.Http2 : KestrelListener.IsEncrypted(address) ? HttpProtocols.Http1AndHttp2 : HttpProtocols.Http1);
        if (isGrpc && (protocols & (HttpProtocols.Http2 | HttpProtocols.Http3)) == 0)
        {
            throw new ArgumentException(
                $"gRPC needs trailers, so HTTP/2 or HTTP/3, and Protocols is {protocols}: to listen at {AddressText.Of(address)}, set it to one that has either.",
                nameof(address));
        }

        return new KestrelListenerSettings
        {
            Protocols = protocols,
            Tls = _options.Tls,
            TcpKeepAlive = _options.TcpKeepAlive,
            Backlog = _options.AcceptBacklog,
            CloseTimeout = _options.CloseTimeout,

            // An event stream that breaks is asked for again, and what a client sends comes in requests of its own.
            ChannelsNeedRequests = address.Scheme.StartsWith("sse+", StringComparison.Ordinal),
            Configure = kestrel => Configure(kestrel, isGrpc),
        };
    }

    private Func<KestrelListener, RequestDelegate> ServingOf(Uri address)
    {
        var options = _options.ToProtocolOptions();
        var logger = _loggerFactory.CreateLogger("Transports.AspNetCore");
        if (!IsGrpc(address))
        {
            return listener => new ListenerEndpoint(listener, options, logger).InvokeAsync;
        }

        var target = GrpcAddress.Parse(address);
        return listener => new GrpcListenerEndpoint(listener, target, options, logger).InvokeAsync;
    }

    private void Configure(KestrelServerOptions kestrel, bool isGrpc)
    {
        var http2 = kestrel.Limits.Http2;
        http2.MaxStreamsPerConnection = _options.MaxStreamsPerConnection;
        http2.InitialStreamWindowSize = _options.StreamWindowSize;
        http2.InitialConnectionWindowSize = Math.Max(http2.InitialConnectionWindowSize, 2 * _options.StreamWindowSize);
        _options.Http2.Apply(kestrel);
        if (isGrpc)
        {
            // A client that reads slowly is backpressure, not an attack: the channel's buffers are bounded.
            kestrel.Limits.MinResponseDataRate = null;
            kestrel.Limits.MinRequestBodyDataRate = null;
            kestrel.Limits.MaxRequestBodySize = null;
        }

        _options.ConfigureKestrel?.Invoke(kestrel);
    }
}
