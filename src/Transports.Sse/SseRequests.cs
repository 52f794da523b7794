using System.Globalization;
using System.Net;
using System.Net.Http.Headers;

namespace Transports;

/// <summary>The requests of one channel's client: the stream, and what goes to the server beside it.</summary>
internal sealed class SseRequests(HttpMessageInvoker http, Uri address, SseTransportOptions options)
{
    /// <summary>The session's id, once the server has said it.</summary>
    public string? Session { get; private set; }

    /// <summary>Opens the event stream, or opens it again.</summary>
    /// <param name="lastEventId">The last event that was received; empty for none.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The response, its status not yet judged.</returns>
    public async Task<HttpResponseMessage> OpenAsync(string lastEventId, CancellationToken cancellationToken)
    {
        using var request = Create(HttpMethod.Get);
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue(SseWire.ContentType));
        request.Headers.CacheControl = new CacheControlHeaderValue { NoStore = true };
        if (lastEventId.Length > 0)
        {
            request.Headers.TryAddWithoutValidation(SseWire.LastEventIdHeader, lastEventId);
        }

        var response = await SendAsync(request, cancellationToken).ConfigureAwait(false);
        if (response.StatusCode == HttpStatusCode.OK && response.Headers.NonValidated.TryGetValues(SseWire.SessionHeader, out var session))
        {
            Session = session.ToString();
        }

        return response;
    }

    /// <summary>Sends events to the server.</summary>
    /// <returns>The answer's status.</returns>
    /// <param name="events">Whole events.</param>
    /// <param name="sequence">The number of the post.</param>
    /// <param name="isLast">The client leaves after this: the server need not wait for it to come back.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<HttpStatusCode> PostAsync(ReadOnlyMemory<byte> events, long sequence, bool isLast, CancellationToken cancellationToken)
    {
        using var request = Create(HttpMethod.Post);
        if (isLast)
        {
            request.Headers.TryAddWithoutValidation(SseWire.CloseHeader, nameof(ChannelCloseStatus.Normal));
        }

        request.Headers.TryAddWithoutValidation(SseWire.SequenceHeader, sequence.ToString(CultureInfo.InvariantCulture));
        request.Content = new ReadOnlyMemoryContent(events);
        request.Content.Headers.ContentType = new MediaTypeHeaderValue(SseWire.ContentType);
        using var response = await SendAsync(request, cancellationToken).ConfigureAwait(false);
        return response.StatusCode;
    }

    /// <summary>Tells the server that the client is done.</summary>
    public async Task DeleteAsync(ChannelCloseStatus status, string? description, CancellationToken cancellationToken)
    {
        if (Session is null)
        {
            return;
        }

        using var request = Create(HttpMethod.Delete);
        request.Headers.TryAddWithoutValidation(SseWire.CloseHeader, Uri.EscapeDataString(SseWire.FormatClose(status, description)));
        using var response = await SendAsync(request, cancellationToken).ConfigureAwait(false);
    }

    private HttpRequestMessage Create(HttpMethod method)
    {
        var request = new HttpRequestMessage(method, address)
        {
            Version = options.HttpVersion,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        if (Session is not null)
        {
            request.Headers.TryAddWithoutValidation(SseWire.SessionHeader, Session);
        }

        return request;
    }

    private Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        options.ConfigureRequest?.Invoke(request);
        return http.SendAsync(request, cancellationToken);
    }
}
