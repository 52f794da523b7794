using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Http;

namespace Transports.AspNetCore;

/// <summary>
/// Server-sent events: GET opens a session or comes back to one, POST sends to it where its address says <c>duplex</c>, DELETE ends it.
/// </summary>
internal sealed class SseChannelProtocol(ChannelRunner runner) : IChannelProtocol
{
    // 128 bits from the system's generator: not to be guessed.
    private const int SessionIdBytes = 16;

    private const string SessionUnknown = "There is no such session for you: it is over, was never yours, or is another server's. Open a new one with GET, without Last-Event-ID. Behind a load balancer, requests of a session must reach one server.";

    private readonly SseSessions _sessions = new(runner.Options);
    private readonly SsePostBody _body = new(runner.Options.Channels);

    public string Expects => "GET with 'Accept: text/event-stream' (add ?duplex to the address to send too, by POST)";

    private SseServerOptions Options => runner.Options.Sse;

    private MessageChannelOptions Channels => runner.Options.Channels;

    public bool Recognizes(HttpContext context)
        => HttpMethods.IsGet(context.Request.Method)
            ? SseAccept.Wants(context.Request.Headers.Accept)
            : (HttpMethods.IsPost(context.Request.Method) || HttpMethods.IsDelete(context.Request.Method))
                && context.Request.Headers.ContainsKey(SseWire.SessionHeader);

    public bool OpensChannel(HttpContext context) => HttpMethods.IsGet(context.Request.Method) && Resumed(context.Request.Headers).Session is null;

    public Task InvokeAsync(HttpContext context)
        => HttpMethods.IsGet(context.Request.Method) ? GetAsync(context)
            : HttpMethods.IsPost(context.Request.Method) ? PostAsync(context)
            : DeleteAsync(context);

    private async Task GetAsync(HttpContext context)
    {
        var (sessionId, lastSeen) = Resumed(context.Request.Headers);
        if (sessionId is null)
        {
            await OpenAsync(context).ConfigureAwait(false);
        }
        else if (Find(context, sessionId) is { } session)
        {
            WriteHeaders(context, session.Id);
            await StreamAsync(context, session, isNew: false, lastSeen).ConfigureAwait(false);
        }
        else
        {
            await RefuseSessionAsync(context).ConfigureAwait(false);
        }
    }

    private async Task OpenAsync(HttpContext context)
    {
        if (runner.Stopping.IsCancellationRequested)
        {
            await Problem.WriteAsync(context, StatusCodes.Status503ServiceUnavailable, "The server stops.", "Try again later, or another server.").ConfigureAwait(false);
            return;
        }

        var id = Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(SessionIdBytes));
        if (SseOrigin.IsForeign(context.Request) && !await IsAllowedAsync(context, id).ConfigureAwait(false))
        {
            return;
        }

        var session = Create(context, id);
        if (!_sessions.TryAdd(session))
        {
            Log.SessionsFull(runner.Logger, Options.MaxSessions);
            session.Channel.Abort();
            if (context.Response.HasStarted)
            {
                context.Abort();
                return;
            }

            await Problem.WriteAsync(context, StatusCodes.Status503ServiceUnavailable, "Too many sessions.", "Try again later.").ConfigureAwait(false);
            return;
        }

        if (!context.Response.HasStarted)
        {
            WriteHeaders(context, id);
        }

        await StreamAsync(context, session, isNew: true, lastSeen: 0).ConfigureAwait(false);
    }

    // The CORS middleware says what it allows when the response starts, wherever in the application its policy stands.
    private async Task<bool> IsAllowedAsync(HttpContext context, string id)
    {
        var origin = context.Request.Headers.Origin.ToString();
        if (origin.Length > 0 && SseOrigin.HasPolicies(context))
        {
            WriteHeaders(context, id);
            await context.Response.StartAsync(context.RequestAborted).ConfigureAwait(false);
            if (SseOrigin.IsAllowed(context))
            {
                return true;
            }
        }

        Log.StreamOriginRefused(runner.Logger, origin, context.Request.Host.Value ?? "");
        if (!context.Response.HasStarted)
        {
            await Problem.WriteAsync(
                context,
                StatusCodes.Status403Forbidden,
                "Pages of this origin may not open an event stream here.",
                "Allow the origin by the endpoint's CORS policy (RequireCors, UseCors); behind a proxy, let it pass the Host header on.").ConfigureAwait(false);
        }

        return false;
    }

    private async Task StreamAsync(HttpContext context, SseSession session, bool isNew, long lastSeen)
    {
        var response = new SseResponse(context, Options.WriteTimeout, Channels.TimeProvider);
        var gone = context.RequestAborted.UnsafeRegister(
            static state =>
            {
                var (connection, ended) = ((SseServerConnection, SseResponse))state!;
                _ = connection.DetachAsync(ended);
            },
            (session.Connection, response));
        await using (gone.ConfigureAwait(false))
        {
            // A client that comes back is told nothing it knows.
            var attachment = await session.Connection.AttachAsync(response, lastSeen, isNew ? Opening(session) : null).ConfigureAwait(false);
            if (attachment != SseAttachment.Attached)
            {
                await RefuseAttachmentAsync(context, session, attachment).ConfigureAwait(false);
                return;
            }

            if (isNew)
            {
                _ = ServeAsync(context, session);
            }

            using var timer = new PeriodicTimer(Options.KeepAliveInterval, Channels.TimeProvider);
            while (await TickAsync(timer, response).ConfigureAwait(false))
            {
                if (!response.AbortIfStalled())
                {
                    await session.Connection.KeepAliveAsync(response).ConfigureAwait(false);
                }
            }
        }
    }

    // Returns false when the response is over.
    private static async Task<bool> TickAsync(PeriodicTimer timer, SseResponse response)
    {
        var tick = timer.WaitForNextTickAsync(CancellationToken.None).AsTask();
        await Task.WhenAny(tick, response.Detached).ConfigureAwait(false);
        return !response.Detached.IsCompleted;
    }

    private async Task RefuseAttachmentAsync(HttpContext context, SseSession session, SseAttachment attachment)
    {
        if (attachment == SseAttachment.Over)
        {
            // The standard's word for "do not come back".
            context.Response.Clear();
            context.Response.StatusCode = StatusCodes.Status204NoContent;
            return;
        }

        await RefuseSessionAsync(context).ConfigureAwait(false);
        if (attachment == SseAttachment.EventsLost)
        {
            session.Connection.Break(new ChannelCloseInfo(
                ChannelCloseStatus.ConnectionLost,
                IsRemote: true,
                "The client came back for events that are not kept (Sse.ReplayBufferSize)."));
        }
    }

    private async Task ServeAsync(HttpContext context, SseSession session)
    {
        await runner.RunAsync(context, session.Channel).ConfigureAwait(false);
        await session.Connection.Disposed.ConfigureAwait(false);
        _sessions.Retire(session);
    }

    private async Task PostAsync(HttpContext context)
    {
        var headers = context.Request.Headers;
        if (Find(context, headers[SseWire.SessionHeader].ToString()) is not { } session)
        {
            await RefuseSessionAsync(context).ConfigureAwait(false);
            return;
        }

        if (!session.Connection.IsDuplex)
        {
            await Problem.WriteAsync(context, StatusCodes.Status403Forbidden, "This session only receives.", "Open it with ?duplex in the address to send too.").ConfigureAwait(false);
            return;
        }

        var sequence = 0L;
        if (headers[SseWire.SequenceHeader] is { Count: > 0 } number
            && (!long.TryParse(number.ToString(), NumberStyles.None, CultureInfo.InvariantCulture, out sequence) || sequence == 0))
        {
            await Problem.WriteAsync(context, StatusCodes.Status400BadRequest, "Not a number.", $"{SseWire.SequenceHeader} counts a session's POSTs from 1; leave it out not to count.").ConfigureAwait(false);
            return;
        }

        int status;
        try
        {
            status = await session.Connection.Input.TakeAsync(
                sequence,
                SsePreference.WaitOf(headers["Prefer"]),
                output => _body.ReadAsync(context, output),
                headers.ContainsKey(SseWire.CloseHeader) ? session.Connection.OnClientLeaves : static () => { },
                context.RequestAborted).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // The session has ended meanwhile, or the client has gone and hears nothing.
            status = StatusCodes.Status404NotFound;
        }
        catch (BadHttpRequestException e)
        {
            status = e.StatusCode;
        }
        catch (IOException)
        {
            // Kestrel's word for a chunk size that no number holds, and for a connection that breaks inside the body: nobody's fault here, so no error of the application.
            status = StatusCodes.Status400BadRequest;
        }

        await AnswerPostAsync(context, status).ConfigureAwait(false);
    }

    private async Task AnswerPostAsync(HttpContext context, int status)
    {
        switch (status)
        {
            case StatusCodes.Status204NoContent:
                context.Response.StatusCode = status;
                break;
            case StatusCodes.Status202Accepted:
                context.Response.StatusCode = status;
                context.Response.Headers[SseWire.SequenceHeader] = context.Request.Headers[SseWire.SequenceHeader];
                break;
            case StatusCodes.Status404NotFound:
                await RefuseSessionAsync(context).ConfigureAwait(false);
                break;
            case StatusCodes.Status413PayloadTooLarge:
                await Problem.WriteAsync(context, status, "The message is too large.", $"A message has at most {Channels.MaxMessageSize} bytes here, and a POST {_body.MaxSize}.").ConfigureAwait(false);
                break;
            case StatusCodes.Status409Conflict:
                await Problem.WriteAsync(context, status, "A POST is missing.", $"The number in {SseWire.SequenceHeader} is not the next one. POST one at a time, each after the answer to the one before.").ConfigureAwait(false);
                break;
            case StatusCodes.Status415UnsupportedMediaType:
                context.Response.Headers.AcceptEncoding = "identity";
                await Problem.WriteAsync(context, status, "Not a type that is taken here.", $"POST text/plain or {SseWire.ContentType} in UTF-8, or application/octet-stream, without Content-Encoding.").ConfigureAwait(false);
                break;
            default:
                await Problem.WriteAsync(context, status, "Not a message.", $"POST text/plain for a text, application/octet-stream for bytes, or whole events, with a blank line at the end, as {SseWire.ContentType}. Texts are UTF-8.").ConfigureAwait(false);
                break;
        }
    }

    private async Task DeleteAsync(HttpContext context)
    {
        if (Find(context, context.Request.Headers[SseWire.SessionHeader].ToString()) is not { } session)
        {
            await RefuseSessionAsync(context).ConfigureAwait(false);
            return;
        }

        var info = SseWire.ParseClose(Uri.UnescapeDataString(context.Request.Headers[SseWire.CloseHeader].ToString()));
        if (info.Status == ChannelCloseStatus.ConnectionLost)
        {
            session.Connection.Break(info);
        }
        else
        {
            // In order, behind what was posted.
            session.Connection.OnClientLeaves();
            await session.Connection.Input.EndAsync(info).ConfigureAwait(false);
        }

        context.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    private SseSession? Find(HttpContext context, string id)
        => _sessions.TryGet(id, out var session) && session.IsOwnedBy(context.User) ? session : null;

    private Task RefuseSessionAsync(HttpContext context)
    {
        Log.SessionRefused(runner.Logger, context.Connection.Id);

        // What was set for a stream that does not begin.
        context.Response.Clear();
        return Problem.WriteAsync(context, StatusCodes.Status404NotFound, "No such session.", SessionUnknown);
    }

    // A page's EventSource names the last event only, whose id begins with the session's; our own client names the session too.
    private static (string? Session, long LastSeen) Resumed(IHeaderDictionary headers)
    {
        var last = headers[SseWire.LastEventIdHeader].ToString();
        var dot = last.LastIndexOf('.');
        var number = 0L;
        var isOurs = dot == Base64Url.GetEncodedLength(SessionIdBytes)
            && long.TryParse(last.AsSpan(dot + 1), NumberStyles.None, CultureInfo.InvariantCulture, out number);
        var session = headers[SseWire.SessionHeader].ToString();
        return session.Length > 0 ? (session, number) : isOurs ? (last[..dot], number) : (null, 0);
    }

    private static void WriteHeaders(HttpContext context, string sessionId)
    {
        var headers = context.Response.Headers;
        headers.ContentType = SseWire.ContentType;

        // Nothing between may gather what should go at once: caches, nginx's buffer, what compresses (RFC 9111, section 5.2.2.6).
        headers.CacheControl = "no-cache, no-transform";
        headers["X-Accel-Buffering"] = "no";
        headers[SseWire.SessionHeader] = sessionId;
        if (HttpProtocol.IsHttp11(context.Request.Protocol))
        {
            headers.Connection = "keep-alive";
        }

        // After the content type, by which the compression middleware knows whether it would compress.
        KestrelLimits.Lift(context);
    }

    // With an id before the first message, a client that is cut off before it comes back to this session too, and not to a new one.
    private string Opening(SseSession session)
    {
        var id = Options.ReplayBufferSize > 0 ? $"id: {session.Id}.0\n" : "";
        var named = session.Connection.IsDuplex ? $"event: session\ndata: {session.Id}\n" : "";
        return $"{id}retry: {(long)Options.ReconnectDelay.TotalMilliseconds}\n{named}\n";
    }

    private SseSession Create(HttpContext context, string id)
    {
        var idPrefix = Options.ReplayBufferSize > 0 ? id + "." : null;
        var isDuplex = context.Request.Query.ContainsKey(SseWire.DuplexQuery);
        var feature = new HttpChannelFeature(context);
        var scheme = context.Request.IsHttps ? "sse+https" : "sse+http";
        var connection = new SseServerConnection(runner.Options, idPrefix, isDuplex);
        var channel = SseChannels.Create(
            connection,
            isOwn: true,
            new MessageChannelContext
            {
                TransportName = "sse",
                Side = ChannelSide.Server,
                Options = Channels,
                Characteristics = SseChannels.Describe(
                    isDuplex ? ChannelDirection.Bidirectional : ChannelDirection.UnidirectionalSend,
                    isReliable: idPrefix is not null,
                    context.Request.IsHttps,
                    isMultiplexed: !HttpProtocol.IsHttp11(context.Request.Protocol) && !HttpProtocol.IsHttp10(context.Request.Protocol)),
                LocalAddress = HttpChannelFeature.AddressOf(context, scheme),
                RemoteAddress = feature.RemoteAddress(scheme),
                Features = feature.Find,
                Logger = runner.Logger,
            },
            idPrefix);
        return new SseSession(id, SseSession.OwnerOf(context.User), connection, channel);
    }
}
