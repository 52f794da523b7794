namespace Transports.Grpc;

/// <summary>What stands in an envelope in place of a message: its sender sends no more.</summary>
/// <param name="Status">How the sender has closed the channel; <see langword="null"/> when it only finished sending.</param>
/// <param name="Description">The text given with the status.</param>
internal sealed record EnvelopeEnd(ChannelCloseStatus? Status, string? Description)
{
    /// <summary>Finished sending, and goes on receiving.</summary>
    public static EnvelopeEnd HalfClose { get; } = new(null, null);
}
