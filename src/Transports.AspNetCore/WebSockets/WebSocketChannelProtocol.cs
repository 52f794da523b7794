using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Primitives;

namespace Transports.AspNetCore;

/// <summary>WebSockets: the upgrade of HTTP/1.1 (RFC 6455, section 4.2), the extended CONNECT of HTTP/2 (RFC 8441), and hosts that open WebSockets themselves.</summary>
internal sealed class WebSocketChannelProtocol(ChannelRunner runner) : IChannelProtocol
{
    private readonly WebSocketRefusals _refusals = new(runner);

    public string Expects => "a WebSocket handshake (RFC 6455, or RFC 8441 on HTTP/2)";

    private WebSocketServerOptions Options => runner.Options.WebSockets;

    public bool Recognizes(HttpContext context)
        => context.Features.Get<IHttpExtendedConnectFeature>() is { IsExtendedConnect: true } connect
            ? WebSocketHandshake.Protocol.Equals(connect.Protocol, StringComparison.OrdinalIgnoreCase)
            : HeaderTokens.Contain(context.Request.Headers.Upgrade, WebSocketHandshake.Protocol)

                // A proxy may have taken Upgrade off; the client shall be told of that, not of other ways to open a channel.
                || context.Request.Headers.SecWebSocketKey.Count > 0
                || OpenedByHost(context) is not null;

    public async Task InvokeAsync(HttpContext context)
    {
        if (_refusals.Find(context, OpenedByHost(context) is not null) is { } refusal)
        {
            Log.HandshakeRefused(runner.Logger, refusal.Detail);
            await Problem.WriteAsync(context, refusal.Status, "The WebSocket handshake was refused.", refusal.Detail).ConfigureAwait(false);
            return;
        }

        KestrelLimits.Lift(context);
        var given = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var subProtocol = ChooseSubProtocol(context.Request.Headers.SecWebSocketProtocol);
        IMessageChannel channel;
        if (OpenedByHost(context) is { } host)
        {
            var webSocket = await host.AcceptAsync(new WebSocketAcceptContext { SubProtocol = subProtocol }).ConfigureAwait(false);
            channel = new ForeignWebSocketMessageChannel(webSocket, ContextOf(context), given.SetResult);
        }
        else
        {
            channel = await AcceptAsync(context, subProtocol, given.SetResult).ConfigureAwait(false);
        }

        // The connection is the channel's until the closing handshake is done, and ends with this request: then, and not when a handler
        // is done that goes on with other work (RFC 6455, section 7.1.1). The channel bounds that wait.
        var serving = runner.RunAsync(context, channel);
        if (await Task.WhenAny(serving, given.Task).ConfigureAwait(false) == serving)
        {
            await serving.ConfigureAwait(false);
            await given.Task.ConfigureAwait(false);
        }
    }

    private static IHttpWebSocketFeature? OpenedByHost(HttpContext context)
        => context.Features.Get<IHttpUpgradeFeature>() is not { IsUpgradableRequest: true }
            && context.Features.Get<IHttpExtendedConnectFeature>() is not { IsExtendedConnect: true }
            && context.Features.Get<IHttpWebSocketFeature>() is { IsWebSocketRequest: true } host
                ? host
                : null;

    private async Task<FramedMessageChannel> AcceptAsync(HttpContext context, string? subProtocol, Action given)
    {
        var headers = context.Response.Headers;
        if (subProtocol is not null)
        {
            headers.SecWebSocketProtocol = subProtocol;
        }

        var deflate = Options.EnableCompression ? WebSocketDeflateAgreement.FromOffers(context.Request.Headers.SecWebSocketExtensions) : null;
        if (deflate is not null)
        {
            headers.SecWebSocketExtensions = deflate.Answer;
        }

        var stream = await OpenStreamAsync(context).ConfigureAwait(false);

        // Kestrel's stream hands on what it is given without being flushed.
        return new FramedMessageChannel(
            new WebSocketStreamConnection(
                stream,
                flushes: false,
                supportsZeroByteReads: true,
                cancelsReads: HttpProtocol.IsHttp2(context.Request.Protocol),
                context.Abort,
                given,
                context.RequestAborted),
            new WebSocketCodec(isServer: true, deflate, subProtocol, runner.Options.Channels, Options.KeepAliveInterval, Options.KeepAliveTimeout),
            ContextOf(context));
    }

    private static async Task<Stream> OpenStreamAsync(HttpContext context)
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

    // The answer is one of the names offered, byte for byte (RFC 6455, section 4.2.2).
    private string? ChooseSubProtocol(StringValues offered)
        => Options.SubProtocols.FirstOrDefault(name => HeaderTokens.Contain(offered, name, StringComparison.Ordinal));

    private MessageChannelContext ContextOf(HttpContext context)
    {
        var feature = new HttpChannelFeature(context);
        var scheme = context.Request.IsHttps ? "wss" : "ws";
        return new MessageChannelContext
        {
            TransportName = scheme,
            Side = ChannelSide.Server,
            Options = runner.Options.Channels,
            Characteristics = WebSocketTransport.CharacteristicsOf(context.Request.IsHttps, isMultiplexed: HttpProtocol.IsHttp2(context.Request.Protocol)),
            LocalAddress = HttpChannelFeature.AddressOf(context, scheme),
            RemoteAddress = feature.RemoteAddress(scheme),
            Logger = runner.Logger,
            Features = feature.Find,
        };
    }
}
