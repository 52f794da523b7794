namespace Transports.Benchmarks;

/// <summary>A work on a transport, beside the same by hand.</summary>
internal sealed class WorkBenchmark(BenchmarkedTransport transport, Work work) : Benchmark($"{transport.Name}/{work.Name}")
{
    public override async Task<IReadOnlyList<BenchmarkResult>> RunAsync(BenchmarkRunner runner) => [await runner.RunAsync(transport, work)];
}
