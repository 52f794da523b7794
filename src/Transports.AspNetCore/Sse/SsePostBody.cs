using System.Buffers;
using System.Text.Unicode;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Net.Http.Headers;

namespace Transports.AspNetCore;

/// <summary>Reads the body of a POST as events: whole events as they are, a text or bytes as one event.</summary>
internal sealed class SsePostBody(MessageChannelOptions options)
{
    /// <summary>The largest body in bytes: a batch of small messages, or one of the largest allowed as base64.</summary>
    public long MaxSize { get; } = Math.Max(SseWire.MaxPostSize, SseWire.EncodedSize(options.MaxMessageSize) + 4096);

    /// <summary>Reads a body.</summary>
    /// <param name="context">The request.</param>
    /// <param name="output">Where the events go.</param>
    /// <returns>204, or the status to refuse it with.</returns>
    public async Task<int> ReadAsync(HttpContext context, PooledBufferWriter output)
    {
        if (KindOf(context.Request) is not { } type)
        {
            return StatusCodes.Status415UnsupportedMediaType;
        }

        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } bodySize)
        {
            bodySize.MaxRequestBodySize = MaxSize;
        }

        var isEvents = type == SseWire.ContentType;
        var body = isEvents ? output : new PooledBufferWriter(options.BufferPool);
        try
        {
            var limit = isEvents ? MaxSize : options.MaxMessageSize;
            int count;
            while ((count = await context.Request.Body.ReadAsync(body.GetMemory(4096), context.RequestAborted).ConfigureAwait(false)) > 0)
            {
                body.Advance(count);
                if (body.Count > limit)
                {
                    return StatusCodes.Status413PayloadTooLarge;
                }
            }

            // A stream is repaired with replacement characters, as the standard says. A message is refused, as WebSocket refuses one.
            if (type != "application/octet-stream" && !Utf8.IsValid(body.WrittenSpan))
            {
                return StatusCodes.Status400BadRequest;
            }

            if (isEvents)
            {
                return IsWhole(body) ? StatusCodes.Status204NoContent : StatusCodes.Status400BadRequest;
            }

            SseEventWriter.Write(
                output,
                new ReadOnlySequence<byte>(body.WrittenMemory),
                type == "text/plain" ? MessageKind.Text : MessageKind.Binary,
                isPosted: true);
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

    // The media type, when it is one of the three and its bytes mean what they say.
    private static string? KindOf(HttpRequest request)
    {
        if (request.Headers.ContentEncoding.Count > 0 && !request.Headers.ContentEncoding.ToString().Equals("identity", StringComparison.OrdinalIgnoreCase))
        {
            return null;
        }

        if (!MediaTypeHeaderValue.TryParse(request.ContentType, out var type))
        {
            return null;
        }

        var name = type.MediaType.ToString().ToLowerInvariant();
        var charset = HeaderUtilities.RemoveQuotes(type.Charset).ToString().ToLowerInvariant();
        return name switch
        {
            "application/octet-stream" => name,
            "text/plain" or SseWire.ContentType => charset is "" or "utf-8" or "utf8" or "us-ascii" ? name : null,
            _ => null,
        };
    }

    // Half an event would run into the next one posted. Lines end in LF, CR or CRLF.
    private static bool IsWhole(PooledBufferWriter body)
    {
        var events = body.WrittenSpan;
        if (events.StartsWith("\uFEFF"u8))
        {
            // A byte order mark belongs to the beginning of a stream, and this is the middle of one.
            events[3..].CopyTo(events);
            body.Advance(-3);
            events = body.WrittenSpan;
        }

        if (events.IsEmpty)
        {
            return true;
        }

        var end = events.EndsWith("\r\n"u8) ? 2 : events[^1] is (byte)'\n' or (byte)'\r' ? 1 : 0;
        return end > 0 && (events.Length == end || events[^(end + 1)] is (byte)'\n' or (byte)'\r');
    }
}
