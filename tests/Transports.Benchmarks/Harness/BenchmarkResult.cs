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

    /// <summary>Of <see cref="Value"/> and <see cref="BaselineValue"/>.</summary>
    [JsonPropertyName("unit")]
    public required string Unit { get; init; }

    /// <summary>The unit is a time or a size. Otherwise it is a rate, and more is better.</summary>
    [JsonPropertyName("less_is_better")]
    public bool LessIsBetter { get; init; }

    /// <summary>What was measured through the library, such as messages (round trips, for an echo) a second; the median of the rounds.</summary>
    [JsonPropertyName("value")]
    public required double Value { get; init; }

    /// <summary>The same by hand.</summary>
    [JsonPropertyName("baseline_value")]
    public required double BaselineValue { get; init; }

    /// <summary>The median of each round's ratio. Not the ratio of the medians: both sides of a round saw the same machine.</summary>
    [JsonPropertyName("ratio")]
    public required double Ratio { get; init; }

    /// <summary>The smallest of the rounds' ratios.</summary>
    [JsonPropertyName("ratio_min")]
    public required double RatioMin { get; init; }

    /// <summary>The largest of the rounds' ratios.</summary>
    [JsonPropertyName("ratio_max")]
    public required double RatioMax { get; init; }

    /// <summary>What the workload promises, or null.</summary>
    [JsonPropertyName("bound")]
    public string? Bound { get; init; }

    /// <summary>Whether it kept that, or null.</summary>
    [JsonPropertyName("within_bound")]
    public bool? IsWithinBound { get; init; }

    /// <summary>Bytes allocated a message, both ends together, in steady state, by the library's side. Null where messages are not what is measured.</summary>
    [JsonPropertyName("alloc_bytes_per_msg")]
    public double? AllocatedBytesPerMessage { get; init; }

    /// <summary>The same by hand: what the platform beneath both allocates.</summary>
    [JsonPropertyName("baseline_alloc_bytes_per_msg")]
    public double? BaselineAllocatedBytesPerMessage { get; init; }
}
