namespace Transports;

/// <summary>What a gRPC call knows beyond its messages, on the client: <c>channel.GetFeature&lt;IGrpcClientCallFeature&gt;()</c>.</summary>
public interface IGrpcClientCallFeature
{
    /// <summary>The method called, <c>package.Service/Method</c>.</summary>
    string Method { get; }

    /// <summary>Completes with the server's initial metadata when it has arrived, which may be as late as its first message. Faults when the call ends without any.</summary>
    Task<GrpcMetadata> ResponseHeaders { get; }

    /// <summary>
    /// The status: what the server has ended the call with, or without one what fits the way in which it ended, such as UNAVAILABLE for a lost connection,
    /// DEADLINE_EXCEEDED, or CANCELLED for an abort. <see langword="null"/> while the call goes on, and where this side has closed it gracefully before the server said anything. It may be
    /// there before the last messages are received: the channel reads ahead while nobody receives.
    /// </summary>
    GrpcStatus? Status { get; }

    /// <summary>The server's trailing metadata, once the server has ended the call; otherwise <see langword="null"/>.</summary>
    GrpcMetadata? ResponseTrailers { get; }
}
