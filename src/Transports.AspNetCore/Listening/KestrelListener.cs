using System.Diagnostics;
using System.Net.Security;
using System.Net.Sockets;
using System.Threading.Channels;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Transports.AspNetCore;

/// <summary>A Kestrel that hands out the channels opened at one address.</summary>
/// <remarks>
/// One that has stopped accepting closes its port at once, and ends with its last channel. Where open channels need new requests, it refuses new
/// channels instead, and closes its port when the last one has ended. Disposing one whose channels have all ended waits, up to the close timeout, until what they sent has left this process.
/// </remarks>
[DebuggerDisplay("{LocalAddress}, {_open} channels open, stopped: {_stopped.IsCancellationRequested}")]
internal sealed partial class KestrelListener : IMessageListener
{
    // A free port of one loopback address may be taken on the other.
    private const int PortAttempts = 16;

    private readonly WebApplication _application;
    private readonly Channel<IMessageChannel> _accepted;
    private readonly ILogger _logger;
    private readonly int _backlog;
    private readonly bool _channelsNeedRequests;
    private readonly Lock _gate = new();
    private readonly TimeSpan _closeTimeout;
    private readonly HashSet<Task> _channels = [];
    private readonly TaskCompletionSource _unused = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _open;
    private readonly CancellationTokenSource _stopped = new();
    private bool _disposed;
    private Task? _stopping;

    private KestrelListener(Uri address, WebApplication application, KestrelListenerSettings settings, ILogger logger)
    {
        _application = application;
        _backlog = settings.Backlog;
        _channelsNeedRequests = settings.ChannelsNeedRequests;
        _closeTimeout = settings.CloseTimeout;
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
        var logger = loggerFactory.CreateLogger("Transports.AspNetCore");
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
        var closed = channel.Closed;
        lock (_gate)
        {
            _channels.Add(closed);
        }

        _ = ForgetAsync(closed);
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
        lock (_gate)
        {
            _disposed = true;
            StopIfUnused();
            if (_channels.Any(static closed => !closed.IsCompleted))
            {
                // They are their users', and the server ends with the last of them.
                return;
            }
        }

        // All channels have ended, but what they flushed may still lie in the server's own buffers: a process that exits now would take it along. The clock is the
        // system's, as one that stands still must not keep a listener.
        try
        {
            await _unused.Task.WaitAsync(_closeTimeout).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            return;
        }

        await _stopping!.ConfigureAwait(false);
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
                StopIfUnused();
            }
        }
    }

    private void StopIfUnused()
    {
        Debug.Assert(_gate.IsHeldByCurrentThread, "Called under the gate.");
        if (_disposed && _open == 0)
        {
            _stopping ??= Task.Run(StopAsync);
            _unused.TrySetResult();
        }
    }

    private async Task ForgetAsync(Task closed)
    {
        await closed.ConfigureAwait(false);
        lock (_gate)
        {
            _channels.Remove(closed);
        }
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
