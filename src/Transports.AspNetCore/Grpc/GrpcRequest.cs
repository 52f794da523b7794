using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace Transports.AspNetCore;

/// <summary>What a request's headers say about the variant of gRPC it speaks.</summary>
internal static class GrpcRequest
{
    public const string ContentType = "application/grpc";
    public const string WebContentType = "application/grpc-web";
    public const string WebTextContentType = "application/grpc-web-text";

    /// <summary>Tells whether a request is a gRPC or gRPC-Web call, by its method and content type.</summary>
    public static bool IsCall(HttpRequest request) => HttpMethods.IsPost(request.Method) && WireOf(request.ContentType) is not null;

    /// <summary>The variant a content type names: <c>application/grpc</c>, <c>application/grpc-web</c> or <c>application/grpc-web-text</c>, each also with a <c>+</c> and a format.</summary>
    public static GrpcWire? WireOf(string? contentType)
    {
        if (contentType is null)
        {
            return null;
        }

        var segment = new StringSegment(contentType);
        var end = segment.IndexOf(';');
        var type = (end < 0 ? segment : segment.Subsegment(0, end)).Trim();
        return Matches(type, ContentType) ? GrpcWire.Http2
            : Matches(type, WebContentType) ? GrpcWire.Web
            : Matches(type, WebTextContentType) ? GrpcWire.WebText
            : null;
    }

    private static bool Matches(StringSegment type, string name)
        => type.StartsWith(name, StringComparison.OrdinalIgnoreCase) && (type.Length == name.Length || type[name.Length] == '+');
}
