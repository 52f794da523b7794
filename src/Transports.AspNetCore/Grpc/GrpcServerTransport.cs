using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Transports;

/// <summary>
/// Listens for gRPC calls with a server of its own: <c>grpc+http://localhost:5000/package.Service/Method</c> and <c>grpc+https://…</c>. Without
/// a path, the method is <c>transports.v1.MessageChannel/Connect</c>. In an application that has a web server already, map an endpoint instead.
/// </summary>
/// <remarks>
/// <c>localhost</c> is the loopback interface; <c>*</c>, an IP address or another of this machine's names listens there. Calls of other methods get
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
    public ChannelCharacteristics Characteristics
        => GrpcMessageChannel.Describe(ChannelSide.Server, hasEnvelope: false, isEncrypted: false) with { MaxMessageSize = _options.MaxMessageSize };

    /// <inheritdoc/>
    public async ValueTask<IMessageListener> ListenAsync(Uri address, CancellationToken cancellationToken = default)
    {
        var target = GrpcAddress.Parse(address);
        if (target.IsEncrypted && _options.ServerCertificate is null)
        {
            throw new ArgumentException($"To listen on {address}, set GrpcServerTransportOptions.ServerCertificate.", nameof(address));
        }

        cancellationToken.ThrowIfCancellationRequested();
        var app = Build(target, address.Port < 0 ? target.Http.Port : address.Port);
        var listener = new GrpcListener(app, target, _options, _loggerFactory.CreateLogger("Transports.Grpc"));
        app.Run(listener.HandleAsync);
        try
        {
            await app.StartAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            await app.DisposeAsync().ConfigureAwait(false);
            throw e is IOException or AddressInUseException or SocketException
                ? new TransportException($"Could not listen on {address}. {e.Message}", e)
                : e;
        }

        listener.SetLocalAddress(address, app.Urls.First());
        return listener;
    }

    private WebApplication Build(GrpcAddress target, int port)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddSingleton(_loggerFactory);

        // The listener stops the server itself; accepted channels are their owners' and may go on as long as they like.
        builder.WebHost.UseKestrelCore().UseShutdownTimeout(Timeout.InfiniteTimeSpan);
        if (target.IsEncrypted)
        {
            builder.WebHost.UseKestrelHttpsConfiguration();
        }

        builder.WebHost.ConfigureKestrel(kestrel =>
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
            kestrel.Listen(EndPointOf(target.Http.Host, port), listen =>
            {
                listen.Protocols = HttpProtocols.Http2;
                if (target.IsEncrypted)
                {
                    listen.UseHttps(_options.ServerCertificate!);
                }
            });
        });
        return builder.Build();
    }

    private static IPEndPoint EndPointOf(string host, int port)
    {
        if (host is "*" or "+")
        {
            return new IPEndPoint(IPAddress.IPv6Any, port);
        }

        if (IPAddress.TryParse(host.Trim('[', ']'), out var ip))
        {
            return new IPEndPoint(ip, port);
        }

        return host.Equals("localhost", StringComparison.OrdinalIgnoreCase)
            ? new IPEndPoint(IPAddress.Loopback, port)
            : throw new ArgumentException($"'{host}' cannot be listened on. Use localhost, an IP address of this machine, or * for all of them.");
    }
}
