namespace Transports;

/// <summary>What a gRPC call knows beyond its messages, on the server: <c>channel.GetFeature&lt;IGrpcServerCallFeature&gt;()</c>.</summary>
public interface IGrpcServerCallFeature
{
    /// <summary>The method called, <c>package.Service/Method</c>.</summary>
    string Method { get; }

    /// <summary>The client's metadata.</summary>
    GrpcMetadata RequestHeaders { get; }

    /// <summary>The initial metadata to send. Add to it before the first message is sent; later additions are too late.</summary>
    GrpcMetadata ResponseHeaders { get; }

    /// <summary>The trailing metadata to send with the status. Add to it before the channel is closed.</summary>
    GrpcMetadata ResponseTrailers { get; }

    /// <summary>When the client stops waiting, or <see langword="null"/> for never. The channel ends by itself then, with DEADLINE_EXCEEDED.</summary>
    DateTimeOffset? Deadline { get; }

    /// <summary>The status that a normal close sends in place of OK. The last one set counts.</summary>
    /// <param name="code">The code.</param>
    /// <param name="message">A text for the client. Not a place for secrets.</param>
    void SetStatus(GrpcStatusCode code, string? message = null);

    /// <summary>Sends the initial metadata now rather than with the first message, for clients that wait for it. Does nothing when it is sent already.</summary>
    /// <param name="cancellationToken">Gives up before sending; nothing is cut short once sending has begun.</param>
    ValueTask SendHeadersAsync(CancellationToken cancellationToken = default);
}
