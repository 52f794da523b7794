using System.Buffers;
using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;

namespace Transports.Engine;

/// <summary>Makes a <see cref="TransportRefusedException"/> out of an HTTP response: what it says in its head and the beginning of its body.</summary>
internal static class HttpRefusal
{
    // As far as a refusal is read. Problem details are a few hundred bytes; a page of HTML says little at its beginning or end.
    private const int MaxBodySize = 4096;

    // As documented at TransportRefusedException.Details.
    private const int MaxDetails = 500;

    // The status is known already. A body that does not come soon, or never ends, is not waited for.
    private static readonly TimeSpan BodyTimeout = TimeSpan.FromSeconds(2);

    /// <summary>Reads a response, as far as it is useful, and disposes nothing.</summary>
    /// <param name="response">The response. Its body must not have been read.</param>
    /// <param name="message">What was refused, one sentence or more. The status, the reason given and what to do are written behind it.</param>
    /// <param name="timeProvider">The clock for a date in <c>Retry-After</c> and for the wait for the body, which is at most 2 seconds.</param>
    /// <param name="cancellationToken">Ends the wait for the body; what is known by then is told.</param>
    public static async Task<TransportRefusedException> ReadAsync(
        HttpResponseMessage response,
        string message,
        TimeProvider timeProvider,
        CancellationToken cancellationToken)
    {
        var body = await ReadBodyAsync(response, timeProvider, cancellationToken).ConfigureAwait(false);
        var mediaType = MediaTypeOf(response);
        var details = DetailsOf(body, mediaType);
        var location = LocationOf(response);
        var challenges = ValuesOf(response, "WWW-Authenticate");
        var retryAfter = RetryAfterOf(response, timeProvider);
        var text = new StringBuilder(message).Append(CultureInfo.InvariantCulture, $" HTTP status {(int)response.StatusCode} ({OneLine(response.ReasonPhrase ?? "")}).");
        if (details is not null && !mediaType.Contains("html", StringComparison.Ordinal))
        {
            text.Append(" It says: ").Append(details);
            if (!char.IsPunctuation(details[^1]))
            {
                text.Append('.');
            }
        }

        Advise(text, response.StatusCode, location, challenges, retryAfter);
        return new TransportRefusedException(text.ToString())
        {
            StatusCode = (int)response.StatusCode,
            Location = location,
            RetryAfter = retryAfter,
            Challenges = challenges,
            Details = details,
        };
    }

    private static void Advise(StringBuilder text, HttpStatusCode status, Uri? location, string[] challenges, TimeSpan? retryAfter)
    {
        if (location is not null)
        {
            // Without its query, which may be a secret; the property has it all.
            text.Append(CultureInfo.InvariantCulture, $" It points to {Show(location)}: connect there, if you trust it. Redirects are not followed.");
        }

        switch ((int)status)
        {
            case 401 when challenges.Length > 0:
                // The scheme alone: the rest may be long, or of use to an attacker.
                var schemes = challenges.Select(static challenge => OneLine(challenge.Split(' ')[0])).Distinct(StringComparer.OrdinalIgnoreCase);
                text.Append(CultureInfo.InvariantCulture, $" It asks for credentials ({string.Join(", ", schemes)}): set them on the request.");
                break;
            case 401:
                text.Append(" It asks for credentials: set them on the request.");
                break;
            case 403:
                text.Append(" Check the credentials and the origin.");
                break;
            case 404:
                text.Append(" Check the path.");
                break;
            case 407:
                text.Append(" The proxy asks for credentials: set them on the proxy.");
                break;
        }

        if (retryAfter is { } wait)
        {
            text.Append(CultureInfo.InvariantCulture, $" Try again in {Math.Ceiling(wait.TotalSeconds):0} seconds.");
        }
    }

    private static async Task<byte[]> ReadBodyAsync(HttpResponseMessage response, TimeProvider timeProvider, CancellationToken cancellationToken)
    {
        // The body behind a switch of protocols is no text, and has no end.
        if (response.StatusCode == HttpStatusCode.SwitchingProtocols)
        {
            return [];
        }

        var buffer = ArrayPool<byte>.Shared.Rent(MaxBodySize);
        var length = 0;
        try
        {
            using var timeout = new CancellationTokenSource(BodyTimeout, timeProvider);
            using var linked = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
            var stream = await response.Content.ReadAsStreamAsync(linked.Token).ConfigureAwait(false);
            while (length < MaxBodySize)
            {
                var count = await stream.ReadAsync(buffer.AsMemory(length, MaxBodySize - length), linked.Token).ConfigureAwait(false);
                if (count == 0)
                {
                    break;
                }

                length += count;
            }
        }
        catch (Exception e) when (e is IOException or HttpRequestException or OperationCanceledException or InvalidOperationException or NotSupportedException)
        {
            // What has come by now is told.
        }

        var body = buffer.AsSpan(0, length).ToArray();
        ArrayPool<byte>.Shared.Return(buffer);
        return body;
    }

    private static string? DetailsOf(byte[] body, string mediaType)
    {
        var isJson = mediaType == "application/json" || mediaType.EndsWith("+json", StringComparison.Ordinal);
        if (!isJson && mediaType.Length > 0 && !mediaType.StartsWith("text/", StringComparison.Ordinal))
        {
            return null;
        }

        var text = (isJson ? ProblemOf(body) : null) ?? Encoding.UTF8.GetString(body);
        text = OneLine(text);
        if (text.Length > MaxDetails)
        {
            text = text[..(char.IsHighSurrogate(text[MaxDetails - 2]) ? MaxDetails - 2 : MaxDetails - 1)] + "…";
        }

        return text.Length == 0 ? null : text;
    }

    // RFC 9457, section 3.1: the detail, or else the title.
    private static string? ProblemOf(byte[] body)
    {
        try
        {
            using var document = JsonDocument.Parse(body);
            foreach (var name in (ReadOnlySpan<string>)["detail", "title"])
            {
                if (document.RootElement.ValueKind == JsonValueKind.Object
                    && document.RootElement.TryGetProperty(name, out var value)
                    && value.ValueKind == JsonValueKind.String
                    && value.GetString() is { Length: > 0 } text)
                {
                    return text;
                }
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // Cut off, or no JSON after all: it is told as it is.
        }

        return null;
    }

    private static Uri? LocationOf(HttpResponseMessage response)
    {
        if (ValuesOf(response, "Location") is not [var location] || !Uri.TryCreate(location, UriKind.RelativeOrAbsolute, out var uri))
        {
            return null;
        }

        return uri.IsAbsoluteUri && !location.StartsWith('/') ? uri
            : response.RequestMessage?.RequestUri is { IsAbsoluteUri: true } request && Uri.TryCreate(request, location, out var absolute) ? absolute
            : null;
    }

    private static TimeSpan? RetryAfterOf(HttpResponseMessage response, TimeProvider timeProvider)
    {
        TimeSpan? wait = response.Headers.RetryAfter switch
        {
            { Delta: { } delta } => delta,
            { Date: { } date } => date - timeProvider.GetUtcNow(),
            _ => null,
        };
        return wait < TimeSpan.Zero ? TimeSpan.Zero : wait;
    }

    private static string MediaTypeOf(HttpResponseMessage response)
        => response.Content.Headers.NonValidated.TryGetValues("Content-Type", out var values) ? values.ToString().Split(';')[0].Trim().ToLowerInvariant() : "";

    private static string[] ValuesOf(HttpResponseMessage response, string header)
        => response.Headers.NonValidated.TryGetValues(header, out var values) ? [.. values] : [];

    private static string Show(Uri address) => OneLine(AddressText.Of(address));

    // A peer's text goes into logs: no new lines, no control characters, no runs of blanks.
    private static string OneLine(string text)
    {
        var line = new StringBuilder(text.Length);
        foreach (var c in text)
        {
            var shown = char.IsControl(c) || char.IsWhiteSpace(c) || c is '\u2028' or '\u2029' ? ' ' : c;
            if (shown != ' ' || (line.Length > 0 && line[^1] != ' '))
            {
                line.Append(shown);
            }
        }

        return line.ToString().TrimEnd();
    }
}
