using System.Globalization;
using System.Net;
using System.Net.Http.Headers;

namespace Transports.Sse;

/// <summary>The requests of one channel's client: the stream, and what goes to the server beside it.</summary>
/// <remarks>Redirects are followed here and not by the platform, which makes a GET of a redirected POST: the message in it would be gone.</remarks>
internal sealed class SseRequests(HttpMessageInvoker http, int maxRedirects, Uri address, SseTransportOptions options)
{
    private bool _isOpen;

    /// <summary>The session's id, once the server has said it; <see langword="null"/> for another library's server.</summary>
    public string? Session { get; private set; }

    /// <summary>Opens the event stream, or opens it again.</summary>
    /// <param name="lastEventId">The last event that was received; empty for none.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The stream's response, or <see langword="null"/> when the server says to open it no more (204, HTML standard, section 9.2.3).</returns>
    /// <exception cref="TransportException">The answer is no event stream, or not the one that was opened before.</exception>
    public async Task<HttpResponseMessage?> OpenAsync(string lastEventId, CancellationToken cancellationToken)
    {
        var response = await SendAsync(
            to =>
            {
                var request = Create(HttpMethod.Get, to);
                request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue(SseWire.ContentType));
                request.Headers.CacheControl = new CacheControlHeaderValue { NoCache = true };
                if (lastEventId.Length > 0)
                {
                    request.Headers.TryAddWithoutValidation(SseWire.LastEventIdHeader, lastEventId);
                }

                return request;
            },
            cancellationToken).ConfigureAwait(false);
        try
        {
            if (_isOpen && response.StatusCode == HttpStatusCode.NoContent)
            {
                return null;
            }

            await CheckAsync(response, cancellationToken).ConfigureAwait(false);
            _isOpen = true;
            var opened = response;
            response = null;
            return opened;
        }
        finally
        {
            response?.Dispose();
        }
    }

    /// <summary>Sends events to the server.</summary>
    /// <param name="content">Whole events.</param>
    /// <param name="sequence">The number of the post.</param>
    /// <param name="isLast">The client leaves after this: the server need not wait for it to come back.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns><see langword="true"/> when there is room for more; <see langword="false"/> when the events were taken, and there is none yet: ask again under the same number.</returns>
    /// <exception cref="TransportRefusedException">The answer is any other. In doubt the events were not taken.</exception>
    public async Task<bool> PostAsync(SsePostContent content, long sequence, bool isLast, CancellationToken cancellationToken)
    {
        var number = sequence.ToString(CultureInfo.InvariantCulture);
        var wait = Math.Max(1, (int)Math.Min(options.ConnectTimeout.TotalSeconds / 2, 3600));
        using var response = await SendAsync(
            to =>
            {
                var request = Create(HttpMethod.Post, to);
                request.Content = content;
                request.Headers.TryAddWithoutValidation(SseWire.SequenceHeader, number);

                // RFC 7240, section 4.3: a server without room says so before this client takes it for dead.
                request.Headers.TryAddWithoutValidation("Prefer", $"wait={wait.ToString(CultureInfo.InvariantCulture)}");
                if (isLast)
                {
                    request.Headers.TryAddWithoutValidation(SseWire.CloseHeader, nameof(ChannelCloseStatus.Normal));
                }

                return request;
            },
            cancellationToken).ConfigureAwait(false);
        return response.StatusCode switch
        {
            HttpStatusCode.NoContent => true,
            HttpStatusCode.Accepted when HeaderOf(response, SseWire.SequenceHeader) == number => false,

            // A page of a proxy, too, comes with 200: only the server's own answers mean that a message was taken.
            _ => throw await HttpRefusal.ReadAsync(response, "The server did not take what was sent to it.", options.TimeProvider, cancellationToken).ConfigureAwait(false),
        };
    }

    /// <summary>Tells the server that the client is done.</summary>
    /// <param name="status">Why.</param>
    /// <param name="description">A text for the server.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task DeleteAsync(ChannelCloseStatus status, string? description, CancellationToken cancellationToken)
    {
        if (Session is null)
        {
            return;
        }

        using var response = await SendAsync(
            to =>
            {
                var request = Create(HttpMethod.Delete, to);
                request.Headers.TryAddWithoutValidation(SseWire.CloseHeader, Uri.EscapeDataString(SseWire.FormatClose(status, description)));
                return request;
            },
            cancellationToken).ConfigureAwait(false);
    }

    private static string? HeaderOf(HttpResponseMessage response, string name)
        => response.Headers.NonValidated.TryGetValues(name, out var values) ? values.ToString() : null;

    private static bool Follows(HttpMethod method, HttpStatusCode status)
        => status is HttpStatusCode.TemporaryRedirect or HttpStatusCode.PermanentRedirect
            || (method == HttpMethod.Get && status is HttpStatusCode.MovedPermanently or HttpStatusCode.Found or HttpStatusCode.SeeOther);

    private static bool IsSameOrigin(Uri one, Uri other)
        => Uri.Compare(one, other, UriComponents.SchemeAndServer, UriFormat.UriEscaped, StringComparison.OrdinalIgnoreCase) == 0;

    // The same for the first answer and for each after it: what is no event stream must not be read as one.
    private async Task CheckAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        var again = _isOpen ? " The stream broke off and was to be opened again; messages may be lost." : "";
        if (response.StatusCode != HttpStatusCode.OK)
        {
            throw await HttpRefusal.ReadAsync(response, $"{AddressText.Of(address)} refused the event stream.{again}", options.TimeProvider, cancellationToken).ConfigureAwait(false);
        }

        // The header as it was sent: a type with an empty parameter is still this type, though .NET's parser refuses it.
        var type = response.Content.Headers.NonValidated.TryGetValues("Content-Type", out var values) ? values.ToString() : "";
        if (!type.Split(';')[0].Trim().Equals(SseWire.ContentType, StringComparison.OrdinalIgnoreCase))
        {
            throw new TransportRefusedException($"{AddressText.Of(address)} answered with '{type}' instead of {SseWire.ContentType}: it is no event stream. Check the path, and whether something between wants a login.{again}") { StatusCode = 200 };
        }

        var session = HeaderOf(response, SseWire.SessionHeader);
        if (_isOpen && session != Session)
        {
            throw new TransportRefusedException($"{AddressText.Of(address)} opened another session than the one that broke off. Behind a load balancer, requests of a session must reach one server.{again}") { StatusCode = 200 };
        }

        Session = session;
    }

    private async Task<HttpResponseMessage> SendAsync(Func<Uri, HttpRequestMessage> create, CancellationToken cancellationToken)
    {
        var to = address;
        for (var redirects = 0; ; redirects++)
        {
            // Not disposed: that would dispose the content, which is sent to the next address again.
            var request = create(to);
            options.ConfigureRequest?.Invoke(request);
            if (!IsSameOrigin(address, to))
            {
                // What was meant for one server is no other's business.
                request.Headers.Authorization = null;
                request.Headers.Remove("Cookie");
            }

            var response = await http.SendAsync(request, cancellationToken).ConfigureAwait(false);
            if (!Follows(request.Method, response.StatusCode) || redirects >= maxRedirects || NextAddress(to, response) is not { } next)
            {
                return response;
            }

            response.Dispose();
            to = next;
        }
    }

    // Never from TLS to plain text.
    private static Uri? NextAddress(Uri from, HttpResponseMessage response)
        => response.Headers.Location is { } location && Uri.TryCreate(from, location, out var to)
            && to.Scheme is "http" or "https" && (from.Scheme == "http" || to.Scheme == "https")
                ? to
                : null;

    private HttpRequestMessage Create(HttpMethod method, Uri to)
    {
        var request = new HttpRequestMessage(method, to)
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
}
