namespace Transports;

/// <summary>What a transport or an open channel guarantees: the properties of RFC 9622, section 6.2, under its words where it has them.</summary>
public sealed record ChannelCharacteristics
{
    /// <summary>Which way messages go.</summary>
    public ChannelDirection Direction { get; init; } = ChannelDirection.Bidirectional;

    /// <summary>What was accepted arrives, or the channel ends with an error (RFC 9622: <c>reliability</c>).</summary>
    public bool IsReliable { get; init; }

    /// <summary>Messages arrive in the order they were sent (RFC 9622: <c>preserveOrder</c>).</summary>
    public bool IsOrdered { get; init; }

    /// <summary>The wire itself keeps messages apart (RFC 9622: <c>preserveMsgBoundaries</c>). Where <see langword="false"/>, a framing does.</summary>
    public bool PreservesMessageBoundaries { get; init; }

    /// <summary>One side can finish sending and go on receiving: <see cref="IMessageChannel.CompleteSendingAsync"/> works.</summary>
    public bool SupportsHalfClose { get; init; }

    /// <summary>The bytes are encrypted and the peer authenticated, as configured.</summary>
    public bool IsEncrypted { get; init; }

    /// <summary>Several channels share one connection without waiting for one another (RFC 9622: <c>multistreaming</c>).</summary>
    public bool IsMultiplexed { get; init; }

    /// <summary>A message's <see cref="MessageKind"/> arrives with it.</summary>
    public bool PreservesMessageKind { get; init; }

    /// <summary>The status and description given to <see cref="IMessageChannel.CloseAsync"/> reach the peer; behind a half-close they need not, and the peer may see a normal end.</summary>
    public bool CarriesCloseStatus { get; init; }

    /// <summary>The largest payload that can be sent, in bytes.</summary>
    public int MaxMessageSize { get; init; } = int.MaxValue;
}
