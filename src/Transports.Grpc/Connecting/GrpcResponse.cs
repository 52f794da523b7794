using System.Net.Http.Headers;

namespace Transports.Grpc;

/// <summary>Reads gRPC's statuses and metadata out of an HTTP response (PROTOCOL-HTTP2.md, "Responses").</summary>
internal static class GrpcResponse
{
    public static string? Find(HttpHeadersNonValidated headers, string name)
        => headers.TryGetValues(name, out var values) ? values.ToString() : null;

    /// <summary>The end that the response's headers tell already: it is not gRPC at all, or it is Trailers-Only. Otherwise <see langword="null"/>.</summary>
    /// <param name="response">The response.</param>
    /// <param name="timeProvider">The clock for what a refusal says about time.</param>
    public static async ValueTask<ChannelCloseInfo?> ReadEarlyEndAsync(HttpResponseMessage response, TimeProvider timeProvider)
    {
        var headers = response.Headers.NonValidated;
        if (Find(headers, "grpc-status") is { } code)
        {
            return ToCloseInfo(headers, code);
        }

        if ((int)response.StatusCode != 200)
        {
            var refusal = await HttpRefusal.ReadAsync(response, "The server did not answer with gRPC.", timeProvider, CancellationToken.None).ConfigureAwait(false);
            return NotGrpc(CloseStatusMap.FromHttpStatus((int)response.StatusCode), refusal.Message) with { Exception = refusal };
        }

        var contentType = response.Content.Headers.ContentType?.MediaType;
        return contentType is null || !IsGrpc(contentType)
            ? NotGrpc(GrpcStatusCode.Unknown, $"The server answered with the content type '{contentType}' instead of application/grpc. Check the address's host, port and path.")
            : null;
    }

    /// <summary>The end that the trailers tell, once the body was read to its end.</summary>
    public static ChannelCloseInfo ReadEnd(HttpResponseMessage response)
    {
        var trailers = response.TrailingHeaders.NonValidated;
        return Find(trailers, "grpc-status") is { } code
            ? ToCloseInfo(trailers, code)
            : NotGrpc(GrpcStatusCode.Unknown, "The server ended the call without a grpc-status.");
    }

    public static GrpcMetadata ReadMetadata(HttpHeadersNonValidated headers)
    {
        var metadata = new GrpcMetadata();
        foreach (var (name, values) in headers)
        {
            foreach (var value in values)
            {
                metadata.AddReceived(name, value);
            }
        }

        return metadata;
    }

    // With a "+" and a format behind it or without; gRPC-Web and whatever else begins like this is not it.
    private static bool IsGrpc(string contentType)
    {
        const string Name = "application/grpc";
        return contentType.StartsWith(Name, StringComparison.OrdinalIgnoreCase) && (contentType.Length == Name.Length || contentType[Name.Length] == '+');
    }

    private static ChannelCloseInfo ToCloseInfo(HttpHeadersNonValidated headers, string code)
        => CloseStatusMap.ToCloseInfo(
            CloseStatusMap.Parse(code, Find(headers, "grpc-message")),
            Find(headers, CloseStatusMap.CloseStatusTrailer));

    private static ChannelCloseInfo NotGrpc(GrpcStatusCode code, string text)
        => new(ChannelCloseStatus.ProtocolError, IsRemote: true, text, (long)code);
}
