using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Transports.AspNetCore;

/// <summary>What is wrong with a WebSocket's opening handshake (RFC 6455, section 4.2.1), and whether its page may open one.</summary>
internal sealed class WebSocketRefusals(ChannelRunner runner)
{
    // In the spelling of the header: options may be written otherwise.
    private readonly HashSet<string> _allowedOrigins = new(runner.Options.WebSockets.AllowedOrigins.Select(static origin => WebOrigin.Normalize(origin) ?? origin), StringComparer.OrdinalIgnoreCase);

    /// <summary>Looks for a reason to refuse. Sets response headers that belong to it.</summary>
    /// <param name="context">The request.</param>
    /// <param name="openedByHost">The host checks the handshake itself.</param>
    public (int Status, string Detail)? Find(HttpContext context, bool openedByHost)
    {
        if (runner.Stopping.IsCancellationRequested)
        {
            return (StatusCodes.Status503ServiceUnavailable, "The server stops. Try again later, or another server.");
        }

        return (openedByHost ? null : JudgeHandshake(context)) ?? JudgeOrigin(context);
    }

    private static (int Status, string Detail)? JudgeHandshake(HttpContext context)
    {
        var headers = context.Request.Headers;
        var isConnect = context.Features.Get<IHttpExtendedConnectFeature>() is { IsExtendedConnect: true };
        if (!isConnect && JudgeUpgrade(context) is { } refusal)
        {
            return refusal;
        }

        if (headers.SecWebSocketVersion == WebSocketHandshake.Version)
        {
            return null;
        }

        context.Response.Headers.SecWebSocketVersion = WebSocketHandshake.Version;
        const string Detail = "Only version 13 of WebSocket is spoken here: send 'Sec-WebSocket-Version: 13' (RFC 6455, section 4.4).";

        // HTTP/2 has no upgrades.
        return isConnect ? (StatusCodes.Status400BadRequest, Detail) : UpgradeRequired(context, Detail);
    }

    private static (int Status, string Detail)? JudgeUpgrade(HttpContext context)
    {
        var request = context.Request;
        if (!HttpMethods.IsGet(request.Method))
        {
            return (StatusCodes.Status400BadRequest, "A WebSocket is opened by GET on HTTP/1.1 (RFC 6455, section 4.1).");
        }

        if (HttpProtocol.IsHttp10(request.Protocol))
        {
            return (StatusCodes.Status400BadRequest, "A WebSocket is opened on HTTP/1.1 or later, not on HTTP/1.0 (RFC 6455, section 4.1). A proxy between may have changed the version.");
        }

        if (!HeaderTokens.Contain(request.Headers.Upgrade, WebSocketHandshake.Protocol))
        {
            return UpgradeRequired(context, "The header 'Upgrade: websocket' is missing (RFC 6455, section 4.1). A proxy between must pass Upgrade and Connection on.");
        }

        if (!HeaderTokens.Contain(request.Headers.Connection, "Upgrade"))
        {
            return (StatusCodes.Status400BadRequest, "The header 'Connection: Upgrade' is missing (RFC 6455, section 4.1). A proxy between must pass Upgrade and Connection on.");
        }

        if (request.ContentLength > 0 || request.Headers.TransferEncoding.Count > 0)
        {
            return (StatusCodes.Status400BadRequest, "A WebSocket's handshake has no body: leave Content-Length and Transfer-Encoding out.");
        }

        if (context.Features.Get<IHttpUpgradeFeature>() is not { IsUpgradableRequest: true })
        {
            return (StatusCodes.Status400BadRequest, "This connection cannot be upgraded to a WebSocket: the server that took it, or a part of the application before this, does not allow it.");
        }

        return request.Headers.SecWebSocketKey.Count != 1 || !WebSocketHandshake.IsKey(request.Headers.SecWebSocketKey)
            ? (StatusCodes.Status400BadRequest, "The header Sec-WebSocket-Key must be there once, the base64 of 16 bytes (RFC 6455, section 4.1).")
            : null;
    }

    // RFC 9110, section 15.5.22: the answer names the protocol. The connection stays, for another try.
    private static (int Status, string Detail) UpgradeRequired(HttpContext context, string detail)
    {
        context.Response.Headers.Upgrade = WebSocketHandshake.Protocol;
        context.Response.Headers.Connection = "Upgrade, keep-alive";
        return (StatusCodes.Status426UpgradeRequired, detail);
    }

    private (int Status, string Detail)? JudgeOrigin(HttpContext context)
    {
        foreach (var origin in context.Request.Headers.Origin)
        {
            if (!IsAllowed(origin ?? "", context.Request.Host))
            {
                Log.OriginRefused(runner.Logger, origin ?? "", context.Request.Host.Value ?? "");
                return (StatusCodes.Status403Forbidden, "Pages of this origin may not open a WebSocket here. Allow it in WebSockets.AllowedOrigins; behind a proxy, let it pass the Host header on.");
            }
        }

        return null;
    }

    private bool IsAllowed(string origin, HostString host)
    {
        if (_allowedOrigins.Count > 0)
        {
            return _allowedOrigins.Contains(WebOrigin.Any) || _allowedOrigins.Contains(WebOrigin.Normalize(origin) ?? origin);
        }

        return WebOrigin.IsOf(host, origin);
    }
}
