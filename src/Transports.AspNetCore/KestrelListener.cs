using System.Net;
using System.Net.Quic;
using System.Net.Sockets;
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
using Transports.Extensibility;

namespace Transports;

/// <summary>A Kestrel that hands out the channels opened at one address.</summary>
/// <remarks>
/// One that has stopped accepting closes its port at once, and ends with its last channel. Where open channels need new requests, it refuses new
/// channels instead, and closes its port when the last one has ended.
/// </remarks>
internal sealed class KestrelListener : IMessageListener
{
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
        var isEncrypted = IsEncrypted(address);
        if (isEncrypted && settings.ServerCertificate is null)
        {
            throw new TransportUnavailableException(
                $"a certificate for {AddressText.Of(address)}",
                $"Set {settings.ServerCertificateOption} to one with its private key, or listen without TLS behind a proxy that has one.");
        }

        var speaksHttp3 = settings.Protocols.HasFlag(HttpProtocols.Http3);
        if (speaksHttp3)
        {
            CheckHttp3(address, settings.Protocols, isEncrypted);
        }

        cancellationToken.ThrowIfCancellationRequested();

        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddSingleton<ILoggerFactory>(new KestrelLoggerFactory(loggerFactory));
        builder.WebHost.UseKestrelCore();
        if (isEncrypted)
        {
            builder.WebHost.UseKestrelHttpsConfiguration();
        }

        if (speaksHttp3)
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
                if (isEncrypted)
                {
                    listen.UseHttps(settings.ServerCertificate!);
                }
            });
        });

        var application = builder.Build();
        var logger = loggerFactory.CreateLogger<AspNetCoreTransport>();
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

    private static void Bind(KestrelServerOptions kestrel, Uri address, Action<ListenOptions> configure)
    {
        var port = PortOf(address);
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
