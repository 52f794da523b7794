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
    /// <summary>Message counts are multiples of this: 64 connections with batches of 64, or 8 senders.</summary>
    public const int MessageGrain = 64 * 64;

    private const int AllocationRuns = 3;

    /// <summary>Measures one workload.</summary>
    /// <param name="transport">The transport.</param>
    /// <param name="work">The work.</param>
    public async Task<BenchmarkResult> RunAsync(BenchmarkedTransport transport, Work work)
    {
        await using var subject = await transport.OpenSubjectAsync(work);
        await using var baseline = await transport.OpenBaselineAsync(work);
        var subjectMessages = await WarmUpAsync(subject);
        var baselineMessages = await WarmUpAsync(baseline);

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

            ratios[round] = rates[round] / baselineRates[round];
        }

        return new BenchmarkResult
        {
            Workload = $"{transport.Name}/{work.Name}",
            Subject = transport.Subject,
            Baseline = transport.Baseline,
            Rate = Math.Round(Median(rates)),
            BaselineRate = Math.Round(Median(baselineRates)),
            Ratio = Math.Round(Median(ratios), 3),
            AllocatedBytesPerMessage = Math.Round(await MeasureAllocationAsync(subject, subjectMessages), 2),
            BaselineAllocatedBytesPerMessage = Math.Round(await MeasureAllocationAsync(baseline, baselineMessages), 2),
        };
    }

    private static async Task<double> MeasureAsync(IBenchmarkSide side, long messages)
    {
        var start = Stopwatch.GetTimestamp();
        await side.RunAsync(messages);
        return messages / Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    // A run allocates a few tasks of its own, whatever its length; what a longer run allocates on top is the messages'.
    private static async Task<double> MeasureAllocationAsync(IBenchmarkSide side, long messages)
    {
        var shorter = Grains(messages / 4);
        var longer = shorter + Grains(messages);
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

    private static double Median(double[] values)
    {
        var sorted = values.Order().ToArray();
        var middle = sorted.Length / 2;
        return sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }

    private static long Grains(double messages) => Math.Max(1, (long)(messages / MessageGrain)) * MessageGrain;

    // Returns how many messages take about a round's time.
    private async Task<long> WarmUpAsync(IBenchmarkSide side)
    {
        var start = Stopwatch.GetTimestamp();
        long messages = MessageGrain;
        while (true)
        {
            var rate = await MeasureAsync(side, messages);
            messages = Grains(rate * roundTime.TotalSeconds);
            if (Stopwatch.GetElapsedTime(start) >= warmUpTime)
            {
                return messages;
            }

            // Short turns at first: the first one's rate, before the JIT, says little.
            messages = Grains(messages / 4.0);
        }
    }
}
