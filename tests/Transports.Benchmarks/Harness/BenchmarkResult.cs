using System.Text.Json.Serialization;

namespace Transports.Benchmarks;

/// <summary>One workload's figures.</summary>
internal sealed record BenchmarkResult
{
    /// <summary><c>transport/work</c>.</summary>
    [JsonPropertyName("workload")]
    public required string Workload { get; init; }

    /// <summary>What was measured.</summary>
    [JsonPropertyName("subject")]
    public required string Subject { get; init; }

    /// <summary>What it stands beside.</summary>
    [JsonPropertyName("baseline")]
    public required string Baseline { get; init; }

    /// <summary>Messages (round trips, for an echo) a second through the library; the median of the rounds.</summary>
    [JsonPropertyName("rate")]
    public required double Rate { get; init; }

    /// <summary>The same by hand.</summary>
    [JsonPropertyName("baseline_rate")]
    public required double BaselineRate { get; init; }

    /// <summary>The median of each round's ratio. Not the ratio of the medians: both sides of a round saw the same machine.</summary>
    [JsonPropertyName("ratio")]
    public required double Ratio { get; init; }

    /// <summary>Bytes allocated a message, both ends together, in steady state, by the library's side.</summary>
    [JsonPropertyName("alloc_bytes_per_msg")]
    public required double AllocatedBytesPerMessage { get; init; }

    /// <summary>The same by hand: what the platform beneath both allocates.</summary>
    [JsonPropertyName("baseline_alloc_bytes_per_msg")]
    public required double BaselineAllocatedBytesPerMessage { get; init; }
}
