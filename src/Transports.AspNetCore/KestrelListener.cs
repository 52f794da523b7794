using System.Net;
using System.Net.Quic;
using System.Net.Security;
using System.Net.Sockets;
using System.Threading.Channels;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Transports.Extensibility;

namespace Transports;

/// <summary>A Kestrel that hands out the channels opened at one address.</summary>
/// <remarks>
/// One that has stopped accepting closes its port at once, and ends with its last channel. Where open channels need new requests, it refuses new
/// channels instead, and closes its port when the last one has ended.
/// </remarks>
internal sealed class KestrelListener : IMessageListener
{
    // A free port of one loopback address may be taken on the other.
    private const int PortAttempts = 16;

    private readonly WebApplication _application;
    private readonly Channel<IMessageChannel> _accepted;
    private readonly ILogger _logger;
    private readonly int _backlog;
    private readonly bool _channelsNeedRequests;
    private readonly Lock _gate = new();
    private int _open;
    private readonly CancellationTokenSource _stopped = new();
    private bool _disposed;
    private Task? _stopping;

    private KestrelListener(Uri address, WebApplication application, KestrelListenerSettings settings, ILogger logger)
    {
        _application = application;
        _backlog = settings.Backlog;
        _channelsNeedRequests = settings.ChannelsNeedRequests;
        _logger = logger;
        _accepted = Channel.CreateBounded<IMessageChannel>(settings.Backlog);
        LocalAddress = address;
    }

    public Uri LocalAddress { get; private set; }

    /// <summary>Cancelled when the listener accepts no more.</summary>
    public CancellationToken Stopping => _stopped.Token;

    /// <summary>Whether an address is one of TLS, by its scheme.</summary>
    public static bool IsEncrypted(Uri address) => address.Scheme is "wss" || address.Scheme.EndsWith("+https", StringComparison.Ordinal);

    /// <summary>The port to listen at. A scheme that .NET does not know has no default port; what clients connect to then is HTTP's.</summary>
    /// <param name="address">The address; port 0 is any.</param>
    public static int PortOf(Uri address) => address.Port >= 0 ? address.Port : IsEncrypted(address) ? 443 : 80;

    /// <summary>Listens.</summary>
    /// <param name="address">Where to.</param>
    /// <param name="settings">How to.</param>
    /// <param name="serve">Makes what answers requests, by opening channels and handing them to <see cref="TryHandOut"/>.</param>
    /// <param name="loggerFactory">Where to log.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public static async Task<KestrelListener> StartAsync(
        Uri address,
        KestrelListenerSettings settings,
        Func<KestrelListener, RequestDelegate> serve,
        ILoggerFactory loggerFactory,
        CancellationToken cancellationToken)
    {
        var certificate = IsEncrypted(address) ? settings.Tls.CreateCertificateSelector(address) : null;
        if (address.Port < 0)
        {
            // Where the clients of an address without a port go.
            address = HostAddress.ChangeScheme(address, address.Scheme, PortOf(address));
        }

        if (settings.Protocols.HasFlag(HttpProtocols.Http3))
        {
            CheckHttp3(address, settings.Protocols, certificate is not null);
        }

        for (var attempt = 1; ; attempt++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var anyPort = address.Port == 0 && HostAddress.IsLocalhostName(address.IdnHost);
            try
            {
                return await StartOnceAsync(
                    anyPort ? HostAddress.ChangeScheme(address, address.Scheme, FreeLoopbackPort()) : address,
                    settings,
                    certificate,
                    serve,
                    loggerFactory,
                    cancellationToken).ConfigureAwait(false);
            }
            catch (TransportException) when (anyPort && attempt < PortAttempts)
            {
                // Somebody took the port meanwhile, or has it on the other family: another one is asked for.
            }
        }
    }

    private static async Task<KestrelListener> StartOnceAsync(
        Uri address,
        KestrelListenerSettings settings,
        Func<string?, SslStreamCertificateContext>? certificate,
        Func<KestrelListener, RequestDelegate> serve,
        ILoggerFactory loggerFactory,
        CancellationToken cancellationToken)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddSingleton<ILoggerFactory>(new KestrelLoggerFactory(loggerFactory));
        builder.WebHost.UseKestrelCore();
        if (certificate is not null)
        {
            builder.WebHost.UseKestrelHttpsConfiguration();
        }

        if (settings.Protocols.HasFlag(HttpProtocols.Http3))
        {
            builder.WebHost.UseQuic();
        }

        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            settings.Configure(kestrel);
            Bind(kestrel, address, listen =>
            {
                listen.Protocols = settings.Protocols;
                listen.Use(next => connection => ServeConnectionAsync(connection, settings.TcpKeepAlive, next));
                if (certificate is not null)
                {
                    listen.UseHttps(new TlsHandshakeCallbackOptions
                    {
                        OnConnection = context => new(OptionsFor(settings.Tls, certificate, context.ClientHelloInfo)),
                    });
                }
            });
        });

        var application = builder.Build();
        var logger = loggerFactory.CreateLogger<KestrelTransport>();
        var listener = new KestrelListener(address, application, settings, logger);
        var answer = serve(listener);
        application.Run(context => listener.InvokeAsync(context, answer));
        try
        {
            await application.StartAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            await application.DisposeAsync().ConfigureAwait(false);
            if (e is IOException or SocketException)
            {
                throw new TransportException($"Could not listen at {AddressText.Of(address)}. {e.Message}", e);
            }

            throw;
        }

        listener.LocalAddress = BoundAddress(address, application);
        Log.Listening(logger, listener.LocalAddress);
        return listener;
    }

    public async ValueTask<IMessageChannel?> AcceptAsync(CancellationToken cancellationToken = default)
    {
        while (await _accepted.Reader.WaitToReadAsync(cancellationToken).ConfigureAwait(false))
        {
            // One that its client gave up before it was accepted is nobody's.
            while (_accepted.Reader.TryRead(out var channel))
            {
                if (!channel.Closed.IsCompleted)
                {
                    return channel;
                }

                await channel.DisposeAsync().ConfigureAwait(false);
            }
        }

        return null;
    }

    /// <summary>Gives a channel to the acceptor, whose it is from there on; its request, and with it the connection, must last until it has ended.</summary>
    /// <returns><see langword="false"/> when the listener has stopped, or too many wait: the channel is still the caller's.</returns>
    public bool TryHandOut(IMessageChannel channel)
    {
        if (_accepted.Writer.TryWrite(channel))
        {
            return true;
        }

        if (!_stopped.IsCancellationRequested)
        {
            Log.BacklogFull(_logger, _backlog);
        }

        return false;
    }

    public async ValueTask StopAcceptingAsync(CancellationToken cancellationToken = default)
    {
        await _stopped.CancelAsync().ConfigureAwait(false);
        _accepted.Writer.TryComplete();
        if (!_channelsNeedRequests)
        {
            lock (_gate)
            {
                // Not awaited: the server waits for its channels. The port is closed before this returns.
                _stopping ??= StopServerAsync();
            }
        }

        // Channels that were opened and nobody will accept.
        while (_accepted.Reader.TryRead(out var channel))
        {
            await channel.CloseAsync(ChannelCloseStatus.GoingAway, "The server stops.", cancellationToken).ConfigureAwait(false);
            await channel.DisposeAsync().ConfigureAwait(false);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await StopAcceptingAsync().ConfigureAwait(false);
        Task? stopping;
        lock (_gate)
        {
            _disposed = true;
            stopping = _open == 0 ? StopIfUnused() : null;
        }

        if (stopping is not null)
        {
            await stopping.ConfigureAwait(false);
        }
    }

    // Kestrel would listen without HTTP/3 and say nothing, or throw what says nothing about the option.
    private static void CheckHttp3(Uri address, HttpProtocols protocols, bool isEncrypted)
    {
        if (!isEncrypted)
        {
            throw new ArgumentException($"HTTP/3 is always encrypted, and {AddressText.Of(address)} is not: listen at an encrypted address, or leave HTTP/3 out of Protocols.", nameof(address));
        }

        if (!QuicListener.IsSupported)
        {
            throw new TransportUnavailableException(
                "MsQuic, which HTTP/3 needs",
                "On Linux install libmsquic 2.2 or later; on Windows it is there from Windows 11 and Server 2022 on. Or leave HTTP/3 out of Protocols.");
        }

        if (address.Port <= 0 && protocols != HttpProtocols.Http3)
        {
            throw new ArgumentException(
                $"HTTP/3 beside another version needs the same number as a TCP and a UDP port, and {AddressText.Of(address)} leaves the number open: name a port, or set Protocols to Http3 alone.",
                nameof(address));
        }
    }

    private static Task ServeConnectionAsync(ConnectionContext connection, TcpKeepAliveOptions keepAlive, ConnectionDelegate next)
    {
        if (connection.Features.Get<IConnectionSocketFeature>()?.Socket is { } socket)
        {
            try
            {
                keepAlive.Apply(socket);
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                // The peer has reset it already, as its first read will tell.
            }
        }

        return next(connection);
    }

    private static SslServerAuthenticationOptions OptionsFor(
        TlsServerOptions tls, Func<string?, SslStreamCertificateContext> certificate, SslClientHelloInfo hello)
    {
        var options = tls.CreateAuthenticationOptions(certificate(hello.ServerName is { Length: > 0 } name ? name : null));

        // Kestrel's, by the HTTP versions spoken here.
        options.ApplicationProtocols = null;
        return options;
    }

    private static int FreeLoopbackPort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    private static void Bind(KestrelServerOptions kestrel, Uri address, Action<ListenOptions> configure)
    {
        // With the zone of an IPv6 address.
        var host = address.IdnHost;
        if (HostAddress.IsLocalhostName(host))
        {
            kestrel.ListenLocalhost(address.Port, configure);
        }
        else if (IPAddress.TryParse(host, out var ip))
        {
            kestrel.Listen(ip, address.Port, configure);
        }
        else
        {
            throw new ArgumentException($"Cannot listen at '{AddressText.Of(address)}': '{host}' is a name. Write localhost, an IP address of this machine, or [::] for all of its addresses.", nameof(address));
        }
    }

    private static Uri BoundAddress(Uri address, WebApplication application)
    {
        if (address.Port > 0)
        {
            return address;
        }

        var bound = application.Services.GetRequiredService<IServer>().Features.GetRequiredFeature<IServerAddressesFeature>().Addresses.First();
        return HostAddress.ChangeScheme(address, address.Scheme, BindingAddress.Parse(bound).Port);
    }

    private async Task InvokeAsync(HttpContext context, RequestDelegate answer)
    {
        lock (_gate)
        {
            _open++;
        }

        try
        {
            await answer(context).ConfigureAwait(false);
        }
        finally
        {
            lock (_gate)
            {
                _open--;

                // Not awaited: the server waits for this request.
                _ = StopIfUnused();
            }
        }
    }

    // Under the gate.
    private Task? StopIfUnused()
    {
        return _disposed && _open == 0 ? _stopping ??= Task.Run(StopAsync) : null;
    }

    private async Task StopServerAsync()
    {
        try
        {
            // The server itself, not the host, which would cut the channels off at its shutdown timeout.
            await _application.Services.GetRequiredService<IServer>().StopAsync(CancellationToken.None).ConfigureAwait(false);
        }
        finally
        {
            await StopAsync().ConfigureAwait(false);
        }
    }

    private async Task StopAsync()
    {
        using var soon = new CancellationTokenSource(TimeSpan.FromSeconds(1));
        try
        {
            await _application.StopAsync(soon.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // Connections that no channel uses any more were cut.
        }

        await _application.DisposeAsync().ConfigureAwait(false);
    }
}
