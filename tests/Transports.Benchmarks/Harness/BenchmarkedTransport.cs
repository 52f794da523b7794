using Compare.Relays;

namespace Transports.Benchmarks;

/// <summary>A transport under measurement and what it is measured against. A new one is one class and one line in <see cref="All"/>.</summary>
internal abstract class BenchmarkedTransport
{
    /// <summary>Every transport, in the order in which they are shown.</summary>
    public static IReadOnlyList<BenchmarkedTransport> All { get; } =
    [
        new TcpBenchmarks(),
        new TlsBenchmarks(),
        new UnixBenchmarks(),
        new MemoryBenchmarks(),
        new UdpBenchmarks(),
        new GrpcBenchmarks(isEncrypted: false),
        new GrpcBenchmarks(isEncrypted: true),
        new QuicBenchmarks(),
        new WebSocketBenchmarks(),
        new SseBenchmarks(),
    ];

    /// <summary>The part before the slash in a workload's name.</summary>
    public abstract string Name { get; }

    /// <summary>What the library's side is, for the report.</summary>
    public abstract string Subject { get; }

    /// <summary>What the side written by hand is, for the report.</summary>
    public abstract string Baseline { get; }

    /// <summary>The works that make sense here; by default all.</summary>
    public virtual IEnumerable<Work> Works => Work.All;

    /// <summary>What lies under it, and so what a relay stands between.</summary>
    public virtual Wire Wire => Wire.Tcp;

    /// <summary>All that is measured: the works, a lone message where there is a wire, and what else the transport has.</summary>
    public IEnumerable<Benchmark> Benchmarks
    {
        get
        {
            Benchmark[] works = [.. Works.Select(work => new WorkBenchmark(this, work))];
            return works.Length == 0 || Wire == Wire.Memory ? works : [.. works, new WorkBenchmark(this, Work.Lone), .. OwnBenchmarks];
        }
    }

    /// <summary>What is measured on this transport only.</summary>
    protected virtual IEnumerable<Benchmark> OwnBenchmarks => [];

    /// <summary>Connects through the library's public API.</summary>
    /// <param name="work">What will be done.</param>
    public abstract Task<IBenchmarkSide> OpenSubjectAsync(Work work);

    /// <summary>Connects by hand.</summary>
    /// <param name="work">What will be done.</param>
    public abstract Task<IBenchmarkSide> OpenBaselineAsync(Work work);
}
