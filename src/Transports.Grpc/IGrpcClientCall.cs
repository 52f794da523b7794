namespace Transports;

/// <summary>What a gRPC call knows beyond its messages, on the client: <c>channel.GetFeature&lt;IGrpcClientCall&gt;()</c>.</summary>
public interface IGrpcClientCall
{
    /// <summary>The method called, <c>package.Service/Method</c>.</summary>
    string Method { get; }

    /// <summary>Completes with the server's initial metadata when it has arrived, which may be as late as its first message. Faults when the call ends without any.</summary>
    Task<GrpcMetadata> ResponseHeaders { get; }

    /// <summary>The status, once the server has ended the call and its messages were received; otherwise <see langword="null"/>.</summary>
    GrpcStatus? Status { get; }

    /// <summary>The server's trailing metadata, once <see cref="Status"/> is there; otherwise <see langword="null"/>.</summary>
    GrpcMetadata? Trailers { get; }
}
