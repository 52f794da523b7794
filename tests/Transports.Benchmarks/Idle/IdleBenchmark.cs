namespace Transports.Benchmarks;

/// <summary>
/// What many channels cost that do nothing: memory, and the time they take from a few that are busy. Beside bare sockets that wait
/// without a buffer, which is the least that is possible. One side after the other: a process may not have so many files open.
/// </summary>
internal sealed class IdleBenchmark() : Benchmark("tcp/idle-5k")
{
    private const int Idle = 5000;
    private const int Active = 64;
    private const double MaxBytesPerEnd = 6 * 1024;
    private const double MaxP99Ratio = 1.5;

    // Channels give back the buffers of a busy time after about a second, and look for that several times a second.
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(10);

    public override async Task<IReadOnlyList<BenchmarkResult>> RunAsync(BenchmarkRunner runner)
    {
        OpenFiles.Require(2 * (Idle + Active));
        Figures channels, sockets;
        await using (var side = new IdleChannels())
        {
            channels = await MeasureAsync(side, runner);
        }

        await using (var side = new IdleSockets())
        {
            sockets = await MeasureAsync(side, runner);
        }

        var memoryRatio = Math.Round(channels.BytesPerEnd / sockets.BytesPerEnd, 3);
        return
        [
            new BenchmarkResult
            {
                Workload = $"{Name}-memory",
                Subject = "managed memory of an idle channel end, its socket and the pool",
                Baseline = "a bare socket that waits without a buffer",
                Unit = "bytes/end",
                LessIsBetter = true,
                Value = Math.Round(channels.BytesPerEnd),
                BaselineValue = Math.Round(sockets.BytesPerEnd),
                Ratio = memoryRatio,
                RatioMin = memoryRatio,
                RatioMax = memoryRatio,
                Bound = $"value <= {MaxBytesPerEnd}",
                IsWithinBound = channels.BytesPerEnd <= MaxBytesPerEnd,
            },
            P99($"{Name}-p99", "channels", channels) with
            {
                Bound = $"ratio <= {MaxP99Ratio}",
                IsWithinBound = BenchmarkRunner.Median(channels.Ratios) <= MaxP99Ratio,
            },
            P99($"{Name}-p99-by-hand", "bare sockets", sockets),
        ];
    }

    private static BenchmarkResult P99(string name, string what, Figures figures) => new()
    {
        Workload = name,
        Subject = $"p99 of round trips of {Active} {what} among {Idle} idle ones",
        Baseline = $"the same {what} alone",
        Unit = "us",
        LessIsBetter = true,
        Value = Math.Round(BenchmarkRunner.Median(figures.Among)),
        BaselineValue = Math.Round(BenchmarkRunner.Median(figures.Alone)),
        Ratio = Math.Round(BenchmarkRunner.Median(figures.Ratios), 3),
        RatioMin = Math.Round(figures.Ratios.Min(), 3),
        RatioMax = Math.Round(figures.Ratios.Max(), 3),
    };

    private static async Task<Figures> MeasureAsync(IdlePairs side, BenchmarkRunner runner)
    {
        await side.OpenActiveAsync(Active);
        await side.MeasureP99Async(runner.WarmUpTime);
        var alone = await MeasureP99Async(side, runner);

        // So that the active ones are the same before and after.
        await Task.Delay(Settling);
        var before = Memory();
        await side.OpenIdleAsync(Idle);
        await Task.Delay(Settling);
        var bytesPerEnd = (Memory() - before) / (2.0 * Idle);
        await side.MeasureP99Async(runner.RoundTime);
        return new Figures(bytesPerEnd, alone, await MeasureP99Async(side, runner));
    }

    private static async Task<double[]> MeasureP99Async(IdlePairs side, BenchmarkRunner runner)
    {
        var values = new double[runner.Rounds];
        for (var round = 0; round < values.Length; round++)
        {
            values[round] = await side.MeasureP99Async(runner.RoundTime);
        }

        return values;
    }

    private static long Memory()
    {
        // What finalizers free is free only after they ran.
        GC.Collect();
        GC.WaitForPendingFinalizers();
        return GC.GetTotalMemory(forceFullCollection: true);
    }

    private sealed record Figures(double BytesPerEnd, double[] Alone, double[] Among)
    {
        public double[] Ratios { get; } = [.. Among.Zip(Alone, static (among, alone) => among / alone)];
    }
}
