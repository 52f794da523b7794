using System.Diagnostics;

namespace Transports.Benchmarks;

/// <summary>
/// Measures a workload beside its baseline: warms both up, then runs them in turn, round by round, so that what else the
/// machine does hits both alike.
/// </summary>
/// <param name="rounds">How many rounds.</param>
/// <param name="roundTime">How long each side of a round takes, about.</param>
/// <param name="warmUpTime">How long each side runs before; long enough for the tiered JIT to have settled.</param>
internal sealed class BenchmarkRunner(int rounds, TimeSpan roundTime, TimeSpan warmUpTime)
{
    private const int AllocationRuns = 3;

    /// <summary>How many rounds.</summary>
    public int Rounds => rounds;

    /// <summary>How long each side of a round takes, about.</summary>
    public TimeSpan RoundTime => roundTime;

    /// <summary>How long each side runs before.</summary>
    public TimeSpan WarmUpTime => warmUpTime;

    /// <summary>The middle one, or the mean of the middle two.</summary>
    /// <param name="values">In any order.</param>
    public static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        var middle = sorted.Length / 2;
        return sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }

    /// <summary>Measures one workload.</summary>
    /// <param name="transport">The transport.</param>
    /// <param name="work">The work.</param>
    public async Task<BenchmarkResult> RunAsync(BenchmarkedTransport transport, Work work)
    {
        await using var subject = await transport.OpenSubjectAsync(work);
        await using var baseline = work.Pattern == WorkPattern.Lone
            ? await LoneBaseline.OpenAsync(work, transport.Wire)
            : await transport.OpenBaselineAsync(work);
        var subjectMessages = await WarmUpAsync(subject, work.Grain);
        var baselineMessages = await WarmUpAsync(baseline, work.Grain);

        var rates = new double[rounds];
        var baselineRates = new double[rounds];
        var ratios = new double[rounds];
        for (var round = 0; round < rounds; round++)
        {
            // Whoever goes second may find a warmer or a slower machine: take turns at that too.
            if (round % 2 == 0)
            {
                rates[round] = await MeasureAsync(subject, subjectMessages);
                baselineRates[round] = await MeasureAsync(baseline, baselineMessages);
            }
            else
            {
                baselineRates[round] = await MeasureAsync(baseline, baselineMessages);
                rates[round] = await MeasureAsync(subject, subjectMessages);
            }

            if (work.IsTime)
            {
                rates[round] = 1000 / rates[round];
                baselineRates[round] = 1000 / baselineRates[round];
            }

            ratios[round] = rates[round] / baselineRates[round];
        }

        return new BenchmarkResult
        {
            Workload = $"{transport.Name}/{work.Name}",
            Subject = transport.Subject,
            Baseline = work.Pattern switch
            {
                WorkPattern.Lone => "the path itself: bare sockets over the same relay",
                WorkPattern.Connecting => "Kestrel's listener, nothing else of it",
                _ => transport.Baseline,
            },
            Unit = work.Unit,
            LessIsBetter = work.IsTime,
            Value = Math.Round(Median(rates), work.IsTime ? 3 : 0),
            BaselineValue = Math.Round(Median(baselineRates), work.IsTime ? 3 : 0),
            Ratio = Math.Round(Median(ratios), 3),
            RatioMin = Math.Round(ratios.Min(), 3),
            RatioMax = Math.Round(ratios.Max(), 3),
            AllocatedBytesPerMessage = Math.Round(await MeasureAllocationAsync(subject, subjectMessages, work.Grain), 2),
            BaselineAllocatedBytesPerMessage = Math.Round(await MeasureAllocationAsync(baseline, baselineMessages, work.Grain), 2),
        };
    }

    private static async Task<double> MeasureAsync(IBenchmarkSide side, long messages)
    {
        var start = Stopwatch.GetTimestamp();
        await side.RunAsync(messages);
        return messages / Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    // A run allocates a few tasks of its own, whatever its length; what a longer run allocates on top is the messages'.
    private static async Task<double> MeasureAllocationAsync(IBenchmarkSide side, long messages, int grain)
    {
        var shorter = Grains(messages / 4, grain);
        var longer = shorter + Grains(messages, grain);
        var perMessage = new double[AllocationRuns];
        for (var run = 0; run < AllocationRuns; run++)
        {
            var before = GC.GetTotalAllocatedBytes(precise: true);
            await side.RunAsync(shorter);
            var between = GC.GetTotalAllocatedBytes(precise: true);
            await side.RunAsync(longer);
            var after = GC.GetTotalAllocatedBytes(precise: true);
            perMessage[run] = Math.Max(0, (after - between) - (between - before)) / (double)(longer - shorter);
        }

        return Median(perMessage);
    }

    private static long Grains(double messages, int grain) => Math.Max(1, (long)(messages / grain)) * grain;

    // Returns how many messages take about a round's time.
    private async Task<long> WarmUpAsync(IBenchmarkSide side, int grain)
    {
        var start = Stopwatch.GetTimestamp();
        long messages = grain;
        while (true)
        {
            var rate = await MeasureAsync(side, messages);
            messages = Grains(rate * roundTime.TotalSeconds, grain);
            if (Stopwatch.GetElapsedTime(start) >= warmUpTime)
            {
                return messages;
            }

            // Short turns at first: the first one's rate, before the JIT, says little.
            messages = Grains(messages / 4.0, grain);
        }
    }
}
