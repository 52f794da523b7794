using System.Buffers;
using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Transports;

/// <summary>
/// Server-sent events: GET opens a session or comes back to one, POST sends to it where its address says <c>duplex</c>, DELETE ends it.
/// </summary>
internal sealed class SseChannelProtocol(ChannelRunner runner) : IChannelProtocol
{
    // 128 bits from the system's generator: not to be guessed.
    private const int SessionIdBytes = 16;

    private const string SessionUnknown = "There is no such session for you: it is over, was never yours, or is another server's. Open a new one with GET, without Last-Event-ID.";

    private readonly ConcurrentDictionary<string, SseSession> _sessions = new(StringComparer.Ordinal);

    public string Expects => "GET with 'Accept: text/event-stream' (add ?duplex to the address to send too, by POST)";

    private AspNetCoreTransportOptions Options => runner.Options;

    public bool Recognizes(HttpContext context)
        => HttpMethods.IsGet(context.Request.Method)
            ? context.Request.Headers.Accept.Any(static value => value is not null && value.Contains(SseWire.ContentType, StringComparison.OrdinalIgnoreCase))
            : (HttpMethods.IsPost(context.Request.Method) || HttpMethods.IsDelete(context.Request.Method))
                && context.Request.Headers.ContainsKey(SseWire.SessionHeader);

    public Task InvokeAsync(HttpContext context)
        => HttpMethods.IsGet(context.Request.Method) ? OpenAsync(context)
            : HttpMethods.IsPost(context.Request.Method) ? PostAsync(context)
            : DeleteAsync(context);

    private async Task OpenAsync(HttpContext context)
    {
        var (sessionId, lastSeen) = Resumed(context.Request.Headers);
        SseSession? session;
        if (sessionId is null)
        {
            if (runner.Stopping.IsCancellationRequested)
            {
                await Problem.WriteAsync(context, StatusCodes.Status503ServiceUnavailable, "The server stops.", "Try again later, or another server.").ConfigureAwait(false);
                return;
            }

            if (_sessions.Count >= Options.SseMaxSessions)
            {
                Log.SessionsFull(runner.Logger, Options.SseMaxSessions);
                await Problem.WriteAsync(context, StatusCodes.Status503ServiceUnavailable, "Too many sessions.", "Try again later.").ConfigureAwait(false);
                return;
            }

            session = Create(context);
        }
        else if ((session = Find(context, sessionId)) is null)
        {
            await RefuseSessionAsync(context).ConfigureAwait(false);
            return;
        }

        await StreamAsync(context, session, isNew: sessionId is null, lastSeen).ConfigureAwait(false);
    }

    private async Task StreamAsync(HttpContext context, SseSession session, bool isNew, long lastSeen)
    {
        KestrelLimits.Lift(context);
        WriteHeaders(context, session.Id);
        var response = new SseResponse(context, Options.SseWriteTimeout, Options.TimeProvider);
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
            if (!await session.Connection.AttachAsync(response, lastSeen, isNew ? Opening(session) : null).ConfigureAwait(false))
            {
                await RefuseSessionAsync(context).ConfigureAwait(false);
                session.Channel.EndByRequest(new ChannelCloseInfo(
                    ChannelCloseStatus.ConnectionLost,
                    IsRemote: true,
                    "The client came back for events that are no longer kept (SseReplayBufferSize)."));
                return;
            }

            if (isNew)
            {
                _ = ServeAsync(session);
            }

            using var timer = new PeriodicTimer(Options.SseKeepAliveInterval, Options.TimeProvider);
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

    private async Task ServeAsync(SseSession session)
    {
        await runner.RunAsync(session.Channel).ConfigureAwait(false);
        await session.Connection.Disposed.ConfigureAwait(false);
        _sessions.TryRemove(session.Id, out _);
    }

    private async Task PostAsync(HttpContext context)
    {
        if (Find(context, context.Request.Headers[SseWire.SessionHeader].ToString()) is not { } session)
        {
            await RefuseSessionAsync(context).ConfigureAwait(false);
            return;
        }

        if (!session.Connection.IsDuplex)
        {
            await Problem.WriteAsync(context, StatusCodes.Status403Forbidden, "This session only receives.", "Open it with ?duplex in the address to send too.").ConfigureAwait(false);
            return;
        }

        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } bodySize)
        {
            bodySize.MaxRequestBodySize = MaxPostSize;
        }

        _ = long.TryParse(context.Request.Headers[SseWire.SequenceHeader], NumberStyles.None, CultureInfo.InvariantCulture, out var sequence);
        int status;
        try
        {
            status = await session.Connection.PostAsync(sequence, context.Request.Headers.ContainsKey(SseWire.CloseHeader), output => ReadBodyAsync(context, output), context.RequestAborted).ConfigureAwait(false);
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

        switch (status)
        {
            case StatusCodes.Status204NoContent:
                context.Response.StatusCode = status;
                break;
            case StatusCodes.Status404NotFound:
                await RefuseSessionAsync(context).ConfigureAwait(false);
                break;
            case StatusCodes.Status413PayloadTooLarge:
                await Problem.WriteAsync(context, status, "The message is too large.", $"A message has at most {Options.MaxMessageSize} bytes here, and a POST {MaxPostSize}.").ConfigureAwait(false);
                break;
            case StatusCodes.Status409Conflict:
                await Problem.WriteAsync(context, status, "A POST is missing.", $"The number in {SseWire.SequenceHeader} is not the next one.").ConfigureAwait(false);
                break;
            default:
                await Problem.WriteAsync(context, status, "Not a message.", "POST text/plain for a text, application/octet-stream for bytes, or whole events as text/event-stream.").ConfigureAwait(false);
                break;
        }
    }

    // A batch of small messages, or one of the largest allowed as base64.
    private long MaxPostSize => Math.Max(1024 * 1024, SseWire.EncodedSize(Options.MaxMessageSize) + 4096);

    private async Task<int> ReadBodyAsync(HttpContext context, IBufferWriter<byte> output)
    {
        var contentType = context.Request.ContentType?.Split(';')[0].Trim().ToLowerInvariant();
        var isEvents = contentType == SseWire.ContentType;
        if (!isEvents && contentType is not ("text/plain" or "application/octet-stream"))
        {
            return StatusCodes.Status415UnsupportedMediaType;
        }

        var body = isEvents ? (PooledBytes)output : new PooledBytes(Options.BufferPool);
        try
        {
            var limit = isEvents ? MaxPostSize : Options.MaxMessageSize;
            int count;
            while ((count = await context.Request.Body.ReadAsync(body.GetMemory(4096), context.RequestAborted).ConfigureAwait(false)) > 0)
            {
                body.Advance(count);
                if (body.Count > limit)
                {
                    return StatusCodes.Status413PayloadTooLarge;
                }
            }

            if (isEvents)
            {
                // Half an event would run into the next one posted.
                return body.WrittenSpan.EndsWith("\n\n"u8) || body.Count == 0 ? StatusCodes.Status204NoContent : StatusCodes.Status400BadRequest;
            }

            SseEventWriter.Write(
                output,
                new ReadOnlySequence<byte>(body.WrittenMemory),
                contentType == "text/plain" ? MessageKind.Text : MessageKind.Binary);
            return StatusCodes.Status204NoContent;
        }
        finally
        {
            if (!isEvents)
            {
                body.Clear();
            }
        }
    }

    private async Task DeleteAsync(HttpContext context)
    {
        if (Find(context, context.Request.Headers[SseWire.SessionHeader].ToString()) is not { } session)
        {
            await RefuseSessionAsync(context).ConfigureAwait(false);
            return;
        }

        session.Channel.EndByRequest(SseWire.ParseClose(Uri.UnescapeDataString(context.Request.Headers[SseWire.CloseHeader].ToString())));

        // A channel that has closed already need not wait for this client's last post any more.
        session.Connection.Abort();
        context.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    private SseSession? Find(HttpContext context, string id)
        => _sessions.TryGetValue(id, out var session) && session.IsOwnedBy(context.User) ? session : null;

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
        headers.CacheControl = "no-cache";
        headers["X-Accel-Buffering"] = "no";
        headers[SseWire.SessionHeader] = sessionId;

        // Compression gathers what should go at once; this keeps the middleware's hands off.
        headers.ContentEncoding = "identity";
        if (HttpProtocol.IsHttp11(context.Request.Protocol))
        {
            headers.Connection = "keep-alive";
        }
    }

    // With an id before the first message, a client that is cut off before it comes back to this session too, and not to a new one.
    private string Opening(SseSession session)
    {
        var id = Options.SseReplayBufferSize > 0 ? $"id: {session.Id}.0\n" : "";
        var named = session.Connection.IsDuplex ? $"event: session\ndata: {session.Id}\n" : "";
        return $"{id}retry: {(long)Options.SseRetry.TotalMilliseconds}\n{named}\n";
    }

    private SseSession Create(HttpContext context)
    {
        var id = Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(SessionIdBytes));
        var idPrefix = Options.SseReplayBufferSize > 0 ? id + "." : null;
        var isDuplex = context.Request.Query.ContainsKey(SseWire.DuplexQuery);
        var feature = new HttpChannelFeature(context);
        var scheme = context.Request.IsHttps ? "sse+https" : "sse+http";
        var framing = new SseFraming(Options.BufferPool) { IsOwn = true };
        var connection = new SseServerConnection(Options, framing, idPrefix, isDuplex);
        var channel = new SseMessageChannel(
            connection,
            framing,
            new MessageChannelContext
            {
                Transport = "sse",
                Side = ChannelSide.Server,
                Options = Options,
                Characteristics = SseMessageChannel.CharacteristicsOf(
                    isDuplex ? ChannelDirection.Bidirectional : ChannelDirection.UnidirectionalSend,
                    isReliable: true,
                    context.Request.IsHttps,
                    HttpProtocol.IsHttp2(context.Request.Protocol)),
                LocalAddress = HttpChannelFeature.AddressOf(context, scheme),
                RemoteAddress = feature.RemoteAddress(scheme),
                Logger = runner.Logger,
            },
            idPrefix,
            sendsEnd: true,
            type => type == typeof(IHttpChannelFeature) ? feature : null);
        connection.Expired = () => channel.EndByRequest(new ChannelCloseInfo(
            ChannelCloseStatus.ConnectionLost,
            IsRemote: true,
            "The client's connection has gone, and it did not come back in time (SseSessionTimeout)."));
        var session = new SseSession(id, SseSession.OwnerOf(context.User), connection, channel);
        _sessions[id] = session;
        return session;
    }
}
