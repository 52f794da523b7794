using System.Net;
using System.Threading.Channels;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Transports;

/// <summary>A Kestrel that hands out the channels opened at one address.</summary>
/// <remarks>
/// Kestrel cannot close its port and keep its connections for as long as they like, and some protocols need new requests for open
/// channels; so one that has stopped accepting refuses with status 503, and is stopped when the last channel has ended.
/// </remarks>
internal sealed class KestrelListener : IMessageListener
{
    private readonly WebApplication _application;
    private readonly AspNetCoreTransportOptions _options;
    private readonly Channel<IMessageChannel> _accepted;
    private readonly ILogger _logger;
    private readonly string _path;
    private readonly Lock _gate = new();
    private int _open;
    private readonly CancellationTokenSource _stopped = new();
    private bool _disposed;
    private Task? _stopping;

    private KestrelListener(Uri address, WebApplication application, AspNetCoreTransportOptions options, ILogger logger)
    {
        _application = application;
        _options = options;
        _logger = logger;
        _path = address.AbsolutePath;
        _accepted = Channel.CreateBounded<IMessageChannel>(options.AcceptBacklog);
        LocalAddress = address;
    }

    public Uri LocalAddress { get; private set; }

    public static async Task<KestrelListener> StartAsync(Uri address, AspNetCoreTransportOptions options, ILoggerFactory loggerFactory, CancellationToken cancellationToken)
    {
        var isEncrypted = address.Scheme is "wss" || address.Scheme.EndsWith("+https", StringComparison.Ordinal);
        if (isEncrypted && options.ServerCertificate is null)
        {
            throw new TransportUnavailableException(
                $"a certificate for {address}",
                "Set AspNetCoreTransportOptions.ServerCertificate to one with its private key, or listen without TLS behind a proxy that has one.");
        }

        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddSingleton(loggerFactory);
        builder.WebHost.UseKestrelCore();
        if (isEncrypted)
        {
            builder.WebHost.UseKestrelHttpsConfiguration();
        }

        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            Bind(kestrel, address, listen =>
            {
                listen.Protocols = options.Protocols ?? (isEncrypted ? HttpProtocols.Http1AndHttp2 : HttpProtocols.Http1);
                if (isEncrypted)
                {
                    listen.UseHttps(options.ServerCertificate!);
                }
            });
            options.ConfigureKestrel?.Invoke(kestrel);
        });

        var application = builder.Build();
        var logger = loggerFactory.CreateLogger<AspNetCoreTransport>();
        var listener = new KestrelListener(address, application, options, logger);
        var runner = new ChannelRunner(listener.HandOutAsync, options, logger, listener._stopped.Token, ownsChannels: false);
        var endpoint = new ChannelEndpoint([ChannelProtocols.ForScheme(address.Scheme, runner)]);
        application.Run(context => listener.InvokeAsync(context, endpoint));
        try
        {
            await application.StartAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            await application.DisposeAsync().ConfigureAwait(false);
            if (e is IOException or System.Net.Sockets.SocketException)
            {
                throw new TransportException($"Could not listen at {address}. {e.Message}", e);
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
            if (_accepted.Reader.TryRead(out var channel))
            {
                return channel;
            }
        }

        return null;
    }

    public async ValueTask StopAcceptingAsync(CancellationToken cancellationToken = default)
    {
        await _stopped.CancelAsync().ConfigureAwait(false);
        _accepted.Writer.TryComplete();

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
            stopping = StopIfUnused();
        }

        if (stopping is not null)
        {
            await stopping.ConfigureAwait(false);
        }
    }

    private static void Bind(KestrelServerOptions kestrel, Uri address, Action<ListenOptions> configure)
    {
        var port = Math.Max(address.Port, 0);
        var host = address.DnsSafeHost;
        if (IPAddress.TryParse(host, out var ip))
        {
            kestrel.Listen(ip, port, configure);
        }
        else if (host is "*" or "+")
        {
            kestrel.ListenAnyIP(port, configure);
        }
        else if (!host.Equals("localhost", StringComparison.OrdinalIgnoreCase))
        {
            throw new ArgumentException($"Kestrel listens at localhost, at an IP address, or at * for all; '{host}' is none of these.", nameof(address));
        }
        else if (port == 0)
        {
            // One free port cannot be asked for on both loopback addresses at once.
            kestrel.Listen(IPAddress.Loopback, 0, configure);
        }
        else
        {
            kestrel.ListenLocalhost(port, configure);
        }
    }

    private static Uri BoundAddress(Uri address, WebApplication application)
    {
        if (address.Port > 0)
        {
            return address;
        }

        var bound = application.Services.GetRequiredService<IServer>().Features.GetRequiredFeature<IServerAddressesFeature>().Addresses.First();
        return new UriBuilder(address) { Port = BindingAddress.Parse(bound).Port }.Uri;
    }

    private async Task InvokeAsync(HttpContext context, ChannelEndpoint endpoint)
    {
        if (context.Request.Path != _path)
        {
            await Problem.WriteAsync(context, StatusCodes.Status404NotFound, "Nothing is served here.", $"Channels are opened at {_path}.").ConfigureAwait(false);
            return;
        }

        lock (_gate)
        {
            _open++;
        }

        try
        {
            await endpoint.InvokeAsync(context).ConfigureAwait(false);
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

    // The channel is the acceptor's from here on; its request, and with it the connection, lasts until it has ended.
    private async Task HandOutAsync(IMessageChannel channel, CancellationToken stopping)
    {
        if (_accepted.Writer.TryWrite(channel))
        {
            return;
        }

        var stopped = stopping.IsCancellationRequested;
        if (!stopped)
        {
            Log.BacklogFull(_logger, _options.AcceptBacklog);
        }

        await channel.CloseAsync(ChannelCloseStatus.GoingAway, stopped ? "The server stops." : "Too many channels wait to be accepted.", CancellationToken.None).ConfigureAwait(false);
        await channel.DisposeAsync().ConfigureAwait(false);
    }

    // Under the gate.
    private Task? StopIfUnused()
    {
        if (_disposed && _open == 0)
        {
            _stopping ??= Task.Run(StopAsync);
        }

        return _stopping;
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
