namespace Transports.Sse;

/// <summary>Puts channels over event streams together, on either side.</summary>
internal static class SseChannels
{
    /// <summary>A channel over event streams: one event is one message.</summary>
    /// <param name="connection">The event streams.</param>
    /// <param name="isOwn">The peer is this library's, so its event types mean what <see cref="SseWire"/> says. Elsewhere an event is an event.</param>
    /// <param name="context">What the channel is told about itself.</param>
    /// <param name="idPrefix">For a server whose clients may come back: what the number of each event follows in its id.</param>
    public static FramedMessageChannel Create(ByteConnection connection, bool isOwn, MessageChannelContext context, string? idPrefix = null)
        => new(connection, new SseCodec(context.Side, context.Characteristics.Direction, isOwn, context.Options, idPrefix), context);

    public static ChannelCharacteristics Describe(ChannelDirection direction, bool isReliable, bool isEncrypted, bool isMultiplexed) => new()
    {
        Direction = direction,
        IsReliable = isReliable,
        IsOrdered = true,
        PreservesMessageBoundaries = true,
        PreservesMessageKind = true,
        CarriesCloseStatus = true,
        IsEncrypted = isEncrypted,
        IsMultiplexed = isMultiplexed,
    };
}
