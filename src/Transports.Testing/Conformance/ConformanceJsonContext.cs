using System.Text.Json.Serialization;

namespace Transports.Testing;

/// <summary>How <see cref="ConformanceRecord"/> is written as JSON.</summary>
[JsonSerializable(typeof(ConformanceRecord))]
internal sealed partial class ConformanceJsonContext : JsonSerializerContext;
