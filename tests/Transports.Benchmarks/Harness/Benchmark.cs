namespace Transports.Benchmarks;

/// <summary>What is measured under one name.</summary>
/// <param name="name"><c>transport/work</c>.</param>
internal abstract class Benchmark(string name)
{
    /// <summary>Its name, for <c>--filter</c> and <c>--list</c>.</summary>
    public string Name { get; } = name;

    /// <summary>Measures it.</summary>
    /// <param name="runner">How often and how long.</param>
    /// <returns>A result, or several that belong together.</returns>
    public abstract Task<IReadOnlyList<BenchmarkResult>> RunAsync(BenchmarkRunner runner);
}
