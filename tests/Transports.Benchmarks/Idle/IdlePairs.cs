using System.Diagnostics;

namespace Transports.Benchmarks;

/// <summary>Connected pairs in this process, of which a few go back and forth and the rest wait.</summary>
internal abstract class IdlePairs : IAsyncDisposable
{
    // Kept from round to round and roomy: a garbage collection for their sake would be part of some round trip.
    private readonly List<List<long>> _times = [];

    /// <summary>Opens pairs that are to be active. The server's ends answer.</summary>
    /// <param name="count">How many.</param>
    public abstract Task OpenActiveAsync(int count);

    /// <summary>Opens pairs that have exchanged one message each way, and on which both ends now wait for the next.</summary>
    /// <param name="count">How many.</param>
    public abstract Task OpenIdleAsync(int count);

    public abstract ValueTask DisposeAsync();

    /// <summary>Lets the active pairs go back and forth, all at once.</summary>
    /// <param name="time">For how long.</param>
    /// <returns>What 99 of 100 round trips took at most, in microseconds.</returns>
    public async Task<double> MeasureP99Async(TimeSpan time)
    {
        var until = Stopwatch.GetTimestamp() + (long)(time.TotalSeconds * Stopwatch.Frequency);
        while (_times.Count < ActiveCount)
        {
            _times.Add(new List<long>(8 * 1024));
        }

        _times.ForEach(static times => times.Clear());
        await Task.WhenAll(_times.Select((times, pair) => Task.Run(() => GoBackAndForthAsync(pair, until, times))));
        var all = _times.SelectMany(static times => times).ToArray();
        Array.Sort(all);
        return Stopwatch.GetElapsedTime(0, all[(int)(all.Length * 0.99)]).TotalMicroseconds;
    }

    /// <summary>How many pairs are active.</summary>
    protected abstract int ActiveCount { get; }

    /// <summary>One round trip after the other.</summary>
    /// <param name="pair">The pair's number among the active ones.</param>
    /// <param name="until">A timestamp.</param>
    /// <param name="times">Where to note what each took, in the stopwatch's ticks.</param>
    protected abstract Task GoBackAndForthAsync(int pair, long until, List<long> times);
}
