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
    var workloads = BenchmarkedTransport.All
        .SelectMany(transport => transport.Works.Select(work => (Transport: transport, Work: work, Name: $"{transport.Name}/{work.Name}")))
        .Where(workload => FileSystemName.MatchesSimpleExpression(pattern, workload.Name))
        .ToList();
    if (workloads.Count == 0)
    {
        await Console.Error.WriteLineAsync($"No workload is called '{pattern}'. See --list; * and ? are wildcards, as in --filter 'tcp/*'.");
        return 2;
    }

    if (parsed.GetValue(list))
    {
        workloads.ForEach(workload => Console.WriteLine(workload.Name));
        return 0;
    }

    var asJson = parsed.GetValue(json);
    var runner = parsed.GetValue(quick)
        ? new BenchmarkRunner(rounds: 5, roundTime: TimeSpan.FromSeconds(0.5), warmUpTime: TimeSpan.FromSeconds(3))
        : new BenchmarkRunner(rounds: 9, roundTime: TimeSpan.FromSeconds(1), warmUpTime: TimeSpan.FromSeconds(3));
    if (!asJson)
    {
        Console.WriteLine($"{"workload",-24}{"messages/s",14}{"by hand/s",14}{"ratio",8}{"B/message",11}{"by hand",9}   beside");
    }

    List<BenchmarkResult> results = [];
    foreach (var (transport, work, name) in workloads)
    {
        if (asJson)
        {
            await Console.Error.WriteLineAsync(name);
        }

        var result = await runner.RunAsync(transport, work);
        results.Add(result);
        if (!asJson)
        {
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{name,-24}{result.Rate,14:N0}{result.BaselineRate,14:N0}{result.Ratio,8:F2}{result.AllocatedBytesPerMessage,11:F2}{result.BaselineAllocatedBytesPerMessage,9:F2}   {result.Baseline}"));
        }
    }

    if (asJson)
    {
        Console.WriteLine(JsonSerializer.Serialize(results, BenchmarkJsonContext.Default.IReadOnlyListBenchmarkResult));
    }

    return 0;
});
return await command.Parse(args).InvokeAsync();
