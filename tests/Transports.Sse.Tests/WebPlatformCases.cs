using System.Text.Json;

namespace Transports.Sse.Tests;

/// <summary>The cases of Data/wpt-eventsource-cases.json.</summary>
internal static class WebPlatformCases
{
    public static IReadOnlyList<JsonElement> All { get; } = Load();

    /// <summary>Whether a case is about the response's type, not about its body.</summary>
    public static bool IsAboutTheHeader(JsonElement theCase)
        => theCase.TryGetProperty("outcome", out var outcome) && outcome.ValueKind == JsonValueKind.String;

    private static JsonElement[] Load()
    {
        using var stream = typeof(WebPlatformCases).Assembly.GetManifestResourceStream("wpt-eventsource-cases.json")!;
        using var document = JsonDocument.Parse(stream);
        return [.. document.RootElement.EnumerateArray().Select(static e => e.Clone())];
    }
}
