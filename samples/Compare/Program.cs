using System.CommandLine;
using System.Text.Json;
using Compare;
using Compare.Data;
using Compare.Measuring;
using Compare.Output;
using Microsoft.Extensions.DependencyInjection;
using Transports;

const int AllVerified = 0;
const int SomeFailed = 1;
const int BadUsage = 2;
const int Cancelled = 130;

var names = ComparedTransport.All.Select(transport => transport.Name).ToArray();
var only = new Option<string?>("--only")
{
    Description = $"Measure these rows only, separated by commas: {string.Join(", ", names)}.",
    HelpName = "names",
};
only.Validators.Add(result =>
{
    var unknown = Split(result.GetValueOrDefault<string?>()).Except(names, StringComparer.OrdinalIgnoreCase).ToList();
    if (unknown.Count > 0)
    {
        result.AddError($"There is no transport called {string.Join(", ", unknown.Select(name => $"'{name}'"))} here. Choose from: {string.Join(", ", names)}.");
    }
    else if (Split(result.GetValueOrDefault<string?>()).Length == 0)
    {
        result.AddError($"--only needs a name. Choose from: {string.Join(", ", names)}.");
    }
});
var json = new Option<bool>("--json") { Description = "Print one JSON object, and nothing else, on standard output." };
var command = new RootCommand("Opens every transport on loopback, sends a text through it, checks that it arrives, and measures what it costs.") { only, json };
command.SetAction(async (parsed, cancellationToken) =>
{
    var chosen = Split(parsed.GetValue(only));
    var transports = ComparedTransport.All
        .Where(transport => chosen.Length == 0 || chosen.Contains(transport.Name, StringComparer.OrdinalIgnoreCase))
        .ToList();
    try
    {
        var rows = await CompareAsync(transports, cancellationToken);
        if (parsed.GetValue(json))
        {
            Console.WriteLine(JsonSerializer.Serialize(new CompareReport(rows), CompareJsonContext.Default.CompareReport));
        }
        else
        {
            TablePrinter.Print(rows);
        }

        // What a machine lacks is not a failure; what was measured and came out wrong is.
        return rows.All(row => row.Verified || !row.Available) ? AllVerified : SomeFailed;
    }
    catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
    {
        return Cancelled;
    }
});

var parsedCommand = command.Parse(args);
var exitCode = await parsedCommand.InvokeAsync();
return parsedCommand.Errors.Count > 0 ? BadUsage : exitCode;

static string[] Split(string? list) => list?.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) ?? [];

static async Task<List<CompareRow>> CompareAsync(List<ComparedTransport> transports, CancellationToken cancellationToken)
{
    using var certificate = new SampleCertificate();
    var services = new ServiceCollection();
    var builder = services.AddTransports();
    foreach (var register in transports.Select(transport => transport.Register).Distinct())
    {
        register(builder, certificate);
    }

    await using var provider = services.BuildServiceProvider();
    var factory = provider.GetRequiredService<IMessageChannelFactory>();
    var text = SampleText.Load();
    return await ProgressReporter.RunAsync(transports.Count, async begin =>
    {
        var rows = new List<CompareRow>();
        foreach (var transport in transports)
        {
            begin(transport.Name);
            rows.Add(await new TransportMeasurement(transport, factory, text).RunAsync(cancellationToken));
        }

        return rows;
    });
}
