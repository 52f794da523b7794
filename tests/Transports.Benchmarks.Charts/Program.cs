using System.CommandLine;
using System.Text.Json;
using Transports.Benchmarks;

var json = new Argument<FileInfo>("results") { Description = "A file with what Transports.Benchmarks --json printed." };
var output = new Option<DirectoryInfo>("--output")
{
    Description = "The folder for the charts; made if it is not there.",
    DefaultValueFactory = _ => new DirectoryInfo("docs/charts"),
};
var machine = new Option<string>("--machine") { Description = "Where it was measured, to stand in the charts.", DefaultValueFactory = _ => "" };
var command = new RootCommand("Draws the charts of docs/performance.md as SVG, for light and for dark pages.") { json, output, machine };
command.SetAction(async (parsed, cancellationToken) =>
{
    var file = parsed.GetRequiredValue(json);
    if (!file.Exists)
    {
        await Console.Error.WriteLineAsync($"There is no file {file}. Make one: dotnet run -c Release --project tests/Transports.Benchmarks -- --json > {file.Name}");
        return 2;
    }

    IReadOnlyList<BenchmarkResult> results;
    try
    {
        await using var stream = file.OpenRead();
        results = await JsonSerializer.DeserializeAsync(stream, BenchmarkJsonContext.Default.IReadOnlyListBenchmarkResult, cancellationToken) ?? [];
    }
    catch (JsonException e)
    {
        await Console.Error.WriteLineAsync($"{file} is not what Transports.Benchmarks --json prints ({e.Message}). Measure again with this version.");
        return 2;
    }

    var folder = parsed.GetRequiredValue(output);
    folder.Create();
    foreach (var theme in Theme.All)
    {
        foreach (var (name, chart) in Charts.Draw(results, theme, parsed.GetRequiredValue(machine)))
        {
            var path = Path.Combine(folder.FullName, $"{name}-{theme.Name}.svg");
            await File.WriteAllTextAsync(path, chart, cancellationToken);
            Console.WriteLine(path);
        }
    }

    return 0;
});
return await command.Parse(args).InvokeAsync();
