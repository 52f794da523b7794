using System.Text.Json.Serialization;

namespace Compare.Output;

/// <summary>What was measured of one transport. Figures are absent where the transport is not available, or has no such thing.</summary>
internal sealed record CompareRow
{
    /// <summary>The transport's short name.</summary>
    [JsonPropertyName("transport")]
    public required string Transport { get; init; }

    /// <summary><see langword="false"/> when this machine lacks what the transport needs.</summary>
    [JsonPropertyName("available")]
    public required bool Available { get; init; }

    /// <summary>What is missing, or what went wrong.</summary>
    [JsonPropertyName("reason")]
    public string? Reason { get; init; }

    /// <summary>From connecting to the first message answered, in milliseconds; the median of several.</summary>
    [JsonPropertyName("handshake_ms")]
    public double? HandshakeMilliseconds { get; init; }

    /// <summary>Half of all 64-byte round trips took no longer, in microseconds.</summary>
    [JsonPropertyName("rtt_p50_us")]
    public double? RoundTripP50Microseconds { get; init; }

    /// <summary>99 of 100 round trips took no longer, in microseconds.</summary>
    [JsonPropertyName("rtt_p99_us")]
    public double? RoundTripP99Microseconds { get; init; }

    /// <summary>64-byte messages received a second, one way.</summary>
    [JsonPropertyName("msgs_per_s_64B")]
    public double? MessagesPerSecond64 { get; init; }

    /// <summary>Millions of payload bytes received a second, one way, in messages of 16 KiB.</summary>
    [JsonPropertyName("mb_per_s_16KiB")]
    public double? MegabytesPerSecond16K { get; init; }

    /// <summary>Bytes above TCP or UDP that a lone 64-byte message takes.</summary>
    [JsonPropertyName("wire_bytes_64B")]
    public double? WireBytes64 { get; init; }

    /// <summary>Bytes allocated per 64-byte message, sender and receiver together, in steady state.</summary>
    [JsonPropertyName("alloc_bytes_per_msg")]
    public double? AllocatedBytesPerMessage { get; init; }

    /// <summary>The text arrived whole and in order, as JSON and as Protobuf (where a transport promises neither: what arrived was right).</summary>
    [JsonPropertyName("verified")]
    public bool Verified { get; init; }

    /// <summary>The guarantees, for the table only.</summary>
    [JsonIgnore]
    public string Guarantees { get; init; } = "";
}
