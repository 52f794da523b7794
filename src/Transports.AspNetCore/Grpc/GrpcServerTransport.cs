using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Transports;

/// <summary>
/// Listens for gRPC calls with a server of its own: <c>grpc+http://localhost:5000/package.Service/Method</c> and <c>grpc+https://…</c>. Without
/// a path, the method is <c>transports.v1.MessageChannel/Connect</c>. In an application that has a web server already, map an endpoint instead.
/// </summary>
/// <remarks>
/// It listens at <c>localhost</c>, which is 127.0.0.1 and ::1, at an IP address of this machine, or at <c>[::]</c> for all of them. Calls of other methods get
/// UNIMPLEMENTED. How statuses map is told by <see cref="GrpcTransport"/>.
/// </remarks>
public sealed class GrpcServerTransport : IServerTransport
{
    private readonly GrpcServerTransportOptions _options;
    private readonly ILoggerFactory _loggerFactory;

    /// <summary>A transport.</summary>
    /// <param name="options">Limits and settings; by default those of <see cref="GrpcServerTransportOptions"/>. Not to be changed afterwards.</param>
    /// <param name="loggerFactory">Where to log; by default nowhere.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    public GrpcServerTransport(GrpcServerTransportOptions? options = null, ILoggerFactory? loggerFactory = null)
    {
        _options = options ?? new GrpcServerTransportOptions();
        _options.Validate();
        _loggerFactory = loggerFactory ?? NullLoggerFactory.Instance;
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> Schemes { get; } = [GrpcAddress.Cleartext, GrpcAddress.Encrypted];

    /// <inheritdoc/>
    public ChannelCharacteristics GetCharacteristics(string scheme)
        => GrpcChannels.Describe(ChannelSide.Server, hasEnvelope: false, scheme == GrpcAddress.Encrypted) with { MaxMessageSize = _options.MaxMessageSize };

    /// <inheritdoc/>
    public async ValueTask<IMessageListener> ListenAsync(Uri address, CancellationToken cancellationToken = default)
    {
        var target = GrpcAddress.Parse(address);
        var settings = new KestrelListenerSettings
        {
            Protocols = _options.Protocols,
            Tls = _options.Tls,
            TcpKeepAlive = _options.TcpKeepAlive,
            Backlog = _options.AcceptBacklog,
            Configure = Configure,
        };
        return await KestrelListener.StartAsync(address, settings, listener => Serve(target, listener), _loggerFactory, cancellationToken).ConfigureAwait(false);
    }

    private static async Task HandOutAsync(KestrelListener listener, IMessageChannel channel)
    {
        if (listener.TryHandOut(channel))
        {
            // The request, and with it the call, lasts as long as the channel.
            await channel.Closed.ConfigureAwait(false);
            return;
        }

        // Not GoingAway, which is a clean end: a call refused must not look like one with no answer.
        channel.GetFeature<IGrpcServerCallFeature>()!.SetStatus(GrpcStatusCode.Unavailable, "The server does not accept calls now. Try again later, or another server.");
    }

    private static Task RefuseMethod(HttpContext context, IMessageChannel channel, ILogger logger)
    {
        var call = channel.GetFeature<IGrpcServerCallFeature>()!;
        var reason = $"There is no method {call.Method} here.";
        Log.GrpcCallRefused(logger, call.Method, context.Connection.Id, GrpcStatusCode.Unimplemented, reason);
        call.SetStatus(GrpcStatusCode.Unimplemented, reason);
        return Task.CompletedTask;
    }

    private RequestDelegate Serve(GrpcAddress target, KestrelListener listener)
    {
        var logger = _loggerFactory.CreateLogger("Transports.Grpc");
        return context =>
        {
            var isOurs = context.Request.Path.Value?.Trim('/') == target.Path;
            return GrpcCallHandler.HandleAsync(
                context,
                isOurs && target.HasEnvelope,
                _options,
                new GrpcCompression { IsEnabled = _options.EnableGzip, Threshold = _options.GzipThreshold },
                logger,
                channel => isOurs ? HandOutAsync(listener, channel) : RefuseMethod(context, channel, logger));
        };
    }

    private void Configure(KestrelServerOptions kestrel)
    {
        var http2 = kestrel.Limits.Http2;
        http2.MaxStreamsPerConnection = _options.MaxStreamsPerConnection;
        http2.InitialStreamWindowSize = _options.StreamWindowSize;
        http2.InitialConnectionWindowSize = Math.Max(http2.InitialConnectionWindowSize, 2 * _options.StreamWindowSize);
        http2.KeepAlivePingDelay = _options.KeepAliveInterval;
        http2.KeepAlivePingTimeout = _options.KeepAliveTimeout;

        // A client that reads slowly is backpressure, not an attack: the channel's buffers are bounded.
        kestrel.Limits.MinResponseDataRate = null;
        kestrel.Limits.MinRequestBodyDataRate = null;
        kestrel.Limits.MaxRequestBodySize = null;
        _options.ConfigureKestrel?.Invoke(kestrel);
    }
}
