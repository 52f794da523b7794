using System.CommandLine;
using System.Globalization;
using System.IO.Enumeration;
using System.Text.Json;
using Transports.Benchmarks;

var filter = new Option<string>("--filter")
{
    Description = "Which workloads to run: a name such as tcp/flood-64, with * and ? as wildcards.",
    DefaultValueFactory = _ => "*",
};
var quick = new Option<bool>("--quick") { Description = "Shorter rounds: under 20 seconds a workload." };
var json = new Option<bool>("--json") { Description = "Print one JSON array and nothing else on standard output." };
var list = new Option<bool>("--list") { Description = "Print the workloads' names and run none." };
var command = new RootCommand("Measures each transport beside hand-written loops that do the same work, in turn, in one process.")
{
    filter, quick, json, list,
};
command.SetAction(async (parsed, _) =>
{
    var pattern = parsed.GetRequiredValue(filter);
    var benchmarks = BenchmarkedTransport.All
        .SelectMany(static transport => transport.Benchmarks)
        .Where(benchmark => FileSystemName.MatchesSimpleExpression(pattern, benchmark.Name))
        .ToList();
    if (benchmarks.Count == 0)
    {
        await Console.Error.WriteLineAsync($"No workload is called '{pattern}'. See --list; * and ? are wildcards, as in --filter 'tcp/*'.");
        return 2;
    }

    if (parsed.GetValue(list))
    {
        benchmarks.ForEach(static benchmark => Console.WriteLine(benchmark.Name));
        return 0;
    }

    var asJson = parsed.GetValue(json);
    var runner = parsed.GetValue(quick)
        ? new BenchmarkRunner(rounds: 5, roundTime: TimeSpan.FromSeconds(0.5), warmUpTime: TimeSpan.FromSeconds(3))
        : new BenchmarkRunner(rounds: 9, roundTime: TimeSpan.FromSeconds(1), warmUpTime: TimeSpan.FromSeconds(3));
    if (!asJson)
    {
        Console.WriteLine($"{"workload",-25}{"value",13}{"by hand",13} {"unit",-14}{"ratio",7}{"min",7}{"max",7}{"B/message",11}{"by hand",9}   beside");
    }

    var exitCode = 0;
    List<BenchmarkResult> results = [];
    foreach (var benchmark in benchmarks)
    {
        if (asJson)
        {
            await Console.Error.WriteLineAsync(benchmark.Name);
        }

        IReadOnlyList<BenchmarkResult> measured;
        try
        {
            measured = await benchmark.RunAsync(runner);
        }
        catch (InvalidOperationException e)
        {
            // The machine lacks something, and the message says what; the others can be measured all the same.
            await Console.Error.WriteLineAsync($"{benchmark.Name} was not measured: {e.Message}");
            exitCode = 1;
            continue;
        }

        results.AddRange(measured);
        foreach (var result in asJson ? [] : measured)
        {
            var format = result.Unit == "ms" ? "N2" : "N0";
            var missed = result.IsWithinBound == false ? $"   NOT within its bound: {result.Bound}" : "";
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{result.Workload,-25}{result.Value.ToString(format, CultureInfo.InvariantCulture),13}{result.BaselineValue.ToString(format, CultureInfo.InvariantCulture),13} {result.Unit,-14}{result.Ratio,7:F2}{result.RatioMin,7:F2}{result.RatioMax,7:F2}{result.AllocatedBytesPerMessage,11:F2}{result.BaselineAllocatedBytesPerMessage,9:F2}   {result.Baseline}{missed}"));
        }
    }

    if (asJson)
    {
        Console.WriteLine(JsonSerializer.Serialize(results, BenchmarkJsonContext.Default.IReadOnlyListBenchmarkResult));
    }

    return exitCode;
});
return await command.Parse(args).InvokeAsync();
