namespace Transports.Benchmarks;

/// <summary>Open connections, both ends in this process, that do a work: through the library, or by hand for comparison.</summary>
internal interface IBenchmarkSide : IAsyncDisposable
{
    /// <summary>Moves messages; called many times, one after the other.</summary>
    /// <param name="messages">How many, over all connections. A multiple of <see cref="Work.Grain"/>.</param>
    /// <returns>Completes when the last one has arrived (come back, for an echo).</returns>
    Task RunAsync(long messages);
}
