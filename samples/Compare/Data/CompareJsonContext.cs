using System.Text.Json.Serialization;
using Compare.Output;

namespace Compare.Data;

/// <summary>The JSON that is sent, and the JSON that is printed: generated at compile time, so it works trimmed and ahead-of-time compiled.</summary>
[JsonSerializable(typeof(JsonLine))]
[JsonSerializable(typeof(CompareReport))]
internal sealed partial class CompareJsonContext : JsonSerializerContext;
