using System.Text.Json.Serialization;

namespace Transports.Benchmarks;

/// <summary>How results are written.</summary>
[JsonSerializable(typeof(IReadOnlyList<BenchmarkResult>))]
internal sealed partial class BenchmarkJsonContext : JsonSerializerContext;
