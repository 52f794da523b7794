namespace Transports.AspNetCore;

/// <summary>The variants of gRPC's wire format.</summary>
internal enum GrpcWire
{
    /// <summary>gRPC over HTTP/2: the status is in the trailers.</summary>
    Http2,

    /// <summary>gRPC-Web: the trailers are the body's last frame, so that browsers can read them.</summary>
    Web,

    /// <summary>gRPC-Web with its body in base64, for browsers that cannot stream bytes.</summary>
    WebText,
}
