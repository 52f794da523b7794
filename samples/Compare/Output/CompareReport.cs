using System.Text.Json.Serialization;

namespace Compare.Output;

/// <summary>What <c>--json</c> prints.</summary>
/// <param name="Rows">A row a transport.</param>
internal sealed record CompareReport([property: JsonPropertyName("rows")] IReadOnlyList<CompareRow> Rows);
