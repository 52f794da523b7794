namespace Transports;

/// <summary>What one call has of its own; see <see cref="GrpcTransport.ConnectAsync(Uri, GrpcCallOptions, CancellationToken)"/>.</summary>
public sealed class GrpcCallOptions
{
    /// <summary>Metadata to send, after that of <see cref="GrpcTransportOptions.Headers"/>.</summary>
    public GrpcMetadata Headers { get; } = [];

    /// <summary>How long the whole call may take. Default <see langword="null"/>: as <see cref="GrpcTransportOptions.Timeout"/> says; <see cref="System.Threading.Timeout.InfiniteTimeSpan"/> is for ever. The server is told, and the channel ends with <see cref="ChannelCloseStatus.TimedOut"/> at that time on either side.</summary>
    public TimeSpan? Timeout { get; init; }
}
