using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Primitives;

namespace Transports;

/// <summary>WebSockets: the upgrade of HTTP/1.1 (RFC 6455, section 4.2) and the extended CONNECT of HTTP/2 (RFC 8441).</summary>
internal sealed class WebSocketChannelProtocol(ChannelRunner runner) : IChannelProtocol
{
    public string Expects => "a WebSocket handshake (RFC 6455, or RFC 8441 on HTTP/2)";

    private AspNetCoreTransportOptions Options => runner.Options;

    public bool Recognizes(HttpContext context)
        => context.Features.Get<IHttpExtendedConnectFeature>() is { IsExtendedConnect: true } connect
            ? WebSocketHandshake.Protocol.Equals(connect.Protocol, StringComparison.OrdinalIgnoreCase)
            : HasToken(context.Request.Headers.Upgrade, WebSocketHandshake.Protocol);

    public async Task InvokeAsync(HttpContext context)
    {
        if (Refuse(context) is { } refusal)
        {
            Log.HandshakeRefused(runner.Logger, refusal.Detail);
            await Problem.WriteAsync(context, refusal.Status, "The WebSocket handshake was refused.", refusal.Detail).ConfigureAwait(false);
            return;
        }

        var headers = context.Response.Headers;
        var subProtocol = ChooseSubProtocol(context.Request.Headers.SecWebSocketProtocol);
        if (subProtocol is not null)
        {
            headers.SecWebSocketProtocol = subProtocol;
        }

        var compressed = Options.UseCompression && WebSocketDeflate.IsOfferedBy(context.Request.Headers.SecWebSocketExtensions);
        if (compressed)
        {
            headers.SecWebSocketExtensions = WebSocketDeflate.Parameters;
        }

        KestrelLimits.Lift(context);
        var stream = await AcceptAsync(context).ConfigureAwait(false);
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var channel = CreateChannel(context, stream, subProtocol, compressed, done.SetResult);
        await runner.RunAsync(channel).ConfigureAwait(false);

        // The connection is the channel's until the closing handshake is done, and ends with this request. The channel bounds that wait.
        await done.Task.ConfigureAwait(false);
    }

    private static bool HasToken(StringValues values, string token)
    {
        foreach (var value in values)
        {
            foreach (var part in (value ?? "").Split(','))
            {
                if (part.Trim().Equals(token, StringComparison.OrdinalIgnoreCase))
                {
                    return true;
                }
            }
        }

        return false;
    }

    private static async Task<Stream> AcceptAsync(HttpContext context)
    {
        if (context.Features.Get<IHttpExtendedConnectFeature>() is { IsExtendedConnect: true } connect)
        {
            return await connect.AcceptAsync().ConfigureAwait(false);
        }

        var headers = context.Response.Headers;
        headers.Connection = "Upgrade";
        headers.Upgrade = WebSocketHandshake.Protocol;
        headers.SecWebSocketAccept = WebSocketHandshake.Accept(context.Request.Headers.SecWebSocketKey.ToString());
        return await context.Features.GetRequiredFeature<IHttpUpgradeFeature>().UpgradeAsync().ConfigureAwait(false);
    }

    private (int Status, string Detail)? Refuse(HttpContext context)
    {
        if (runner.Stopping.IsCancellationRequested)
        {
            return (StatusCodes.Status503ServiceUnavailable, "The server stops. Try again later, or another server.");
        }

        var headers = context.Request.Headers;
        var isConnect = context.Features.Get<IHttpExtendedConnectFeature>() is { IsExtendedConnect: true };
        if (!isConnect)
        {
            if (!HttpMethods.IsGet(context.Request.Method) || !HasToken(headers.Connection, "Upgrade")
                || context.Features.Get<IHttpUpgradeFeature>() is not { IsUpgradableRequest: true })
            {
                return (StatusCodes.Status400BadRequest, "A WebSocket is opened by GET with 'Connection: Upgrade' on HTTP/1.1 (RFC 6455, section 4.1). A proxy between must pass both headers on.");
            }

            if (headers.SecWebSocketKey.Count != 1 || !WebSocketHandshake.IsKey(headers.SecWebSocketKey))
            {
                return (StatusCodes.Status400BadRequest, "The header Sec-WebSocket-Key must be there once, the base64 of 16 bytes (RFC 6455, section 4.1).");
            }
        }

        if (headers.SecWebSocketVersion != WebSocketHandshake.Version)
        {
            context.Response.Headers.SecWebSocketVersion = WebSocketHandshake.Version;
            return (StatusCodes.Status426UpgradeRequired, "Only version 13 of WebSocket is spoken here: send 'Sec-WebSocket-Version: 13' (RFC 6455, section 4.4).");
        }

        foreach (var origin in headers.Origin)
        {
            if (!IsAllowed(origin ?? "", context.Request.Host))
            {
                Log.OriginRefused(runner.Logger, origin ?? "", context.Request.Host.Value ?? "");
                return (StatusCodes.Status403Forbidden, "Pages of this origin may not open a WebSocket here. Allow it in AspNetCoreTransportOptions.AllowedOrigins; behind a proxy, let it pass the Host header on.");
            }
        }

        return null;
    }

    // The host and port decide, not the scheme: behind a proxy that ends TLS a page is https and this request http.
    private bool IsAllowed(string origin, HostString host)
    {
        if (Options.AllowedOrigins.Count > 0)
        {
            return Options.AllowedOrigins.Contains("*") || Options.AllowedOrigins.Contains(origin, StringComparer.OrdinalIgnoreCase);
        }

        return Uri.TryCreate(origin, UriKind.Absolute, out var page)
            && page.Scheme is "http" or "https"
            && host.Host.Equals(page.IdnHost, StringComparison.OrdinalIgnoreCase) | host.Host.Equals(page.Host, StringComparison.OrdinalIgnoreCase)
            && (host.Port is { } port ? port == page.Port : page.IsDefaultPort);
    }

    private string? ChooseSubProtocol(StringValues offered)
    {
        foreach (var name in Options.SubProtocols)
        {
            if (HasToken(offered, name))
            {
                return name;
            }
        }

        return null;
    }

    private WebSocketMessageChannel CreateChannel(HttpContext context, Stream stream, string? subProtocol, bool compressed, Action disposed)
    {
        var feature = new HttpChannelFeature(context);
        var scheme = context.Request.IsHttps ? "wss" : "ws";

        // Kestrel's stream hands on what it is given without being flushed.
        var connection = new WebSocketStreamConnection(stream, flushes: false, supportsZeroByteReads: true, context.Abort, disposed);
        return new WebSocketMessageChannel(
            connection,
            new WebSocketFraming(isServer: true, compressed, Options.BufferPool),
            new MessageChannelContext
            {
                Transport = scheme,
                Side = ChannelSide.Server,
                Options = Options,
                Characteristics = WebSocketTransport.CharacteristicsOf(context.Request.IsHttps, isMultiplexed: HttpProtocol.IsHttp2(context.Request.Protocol)),
                LocalAddress = HttpChannelFeature.AddressOf(context, scheme),
                RemoteAddress = feature.RemoteAddress(scheme),
                Logger = runner.Logger,
            },
            subProtocol,
            type => type == typeof(IHttpChannelFeature) ? feature : null);
    }
}
