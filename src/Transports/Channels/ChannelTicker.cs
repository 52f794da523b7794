namespace Transports.Engine;

/// <summary>
/// Calls every open channel four times a second: to begin to watch those that nobody receives from, to free memory of those that went quiet, and to end those
/// whose peer takes nothing. One timer for the process, so that a hundred thousand channels need no hundred thousand timers; it sleeps while there is no channel.
/// </summary>
internal static class ChannelTicker
{
    public const int IntervalMilliseconds = 250;

    // So that channels that open and close at once on several processors do not wait for one lock.
    private const int ShardCount = 8;

    private static readonly Shard[] Shards = [.. Enumerable.Range(0, ShardCount).Select(_ => new Shard())];
    private static readonly Timer Timer = new(static _ => Tick(), null, Timeout.Infinite, Timeout.Infinite);
    private static int s_running;

    /// <summary>Begins to call.</summary>
    /// <param name="ticked">Whom.</param>
    /// <param name="time">Its clock. One that is not the system's has a timer of its own there, so that a test moves it.</param>
    public static void Add(ITicked ticked, TimeProvider time)
    {
        if (!ReferenceEquals(time, TimeProvider.System))
        {
            var interval = TimeSpan.FromMilliseconds(IntervalMilliseconds);
            ticked.TickerTimer = time.CreateTimer(_ => ticked.OnTick(ChannelClock.Now(time)), null, interval, interval);
            return;
        }

        var index = Environment.CurrentManagedThreadId % ShardCount;
        ticked.TickerShard = index;
        Shards[index].Add(ticked);
        if (Volatile.Read(ref s_running) == 0 && Interlocked.Exchange(ref s_running, 1) == 0)
        {
            Timer.Change(IntervalMilliseconds, Timeout.Infinite);
        }
    }

    public static void Remove(ITicked ticked)
    {
        ticked.TickerTimer?.Dispose();
        Shards[ticked.TickerShard].Remove(ticked);
    }

    private static void Tick()
    {
        var now = Environment.TickCount64;
        foreach (var shard in Shards)
        {
            shard.Tick(now);
        }

        if (Shards.All(static shard => shard.IsEmpty))
        {
            Volatile.Write(ref s_running, 0);
            if (Shards.All(static shard => shard.IsEmpty) || Interlocked.Exchange(ref s_running, 1) != 0)
            {
                return;
            }
        }

        Timer.Change(IntervalMilliseconds, Timeout.Infinite);
    }

    private sealed class Shard
    {
        private readonly Lock _gate = new();
        private readonly List<ITicked> _all = [];

        // The tick's own, and kept: a tick allocates nothing once it is large enough.
        private ITicked[] _snapshot = [];

        public bool IsEmpty
        {
            get
            {
                lock (_gate)
                {
                    return _all.Count == 0;
                }
            }
        }

        public void Add(ITicked ticked)
        {
            lock (_gate)
            {
                ticked.TickerIndex = _all.Count;
                _all.Add(ticked);
            }
        }

        public void Remove(ITicked ticked)
        {
            lock (_gate)
            {
                var index = ticked.TickerIndex;
                if (index < 0)
                {
                    return;
                }

                var last = _all[^1];
                _all[index] = last;
                last.TickerIndex = index;
                _all.RemoveAt(_all.Count - 1);
                ticked.TickerIndex = -1;
            }
        }

        // Called without the lock: a tick may end a channel, which removes itself.
        public void Tick(long now)
        {
            int count;
            lock (_gate)
            {
                count = _all.Count;
                if (_snapshot.Length < count || _snapshot.Length > 4 * (count + 16))
                {
                    _snapshot = new ITicked[count + 16];
                }

                _all.CopyTo(_snapshot);
            }

            for (var i = 0; i < count; i++)
            {
                _snapshot[i].OnTick(now);
            }

            Array.Clear(_snapshot, 0, count);
        }
    }
}
