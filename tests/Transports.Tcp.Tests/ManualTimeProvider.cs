namespace Transports.Tcp.Tests;

/// <summary>A clock that moves when told.</summary>
internal sealed class ManualTimeProvider : TimeProvider
{
    private readonly Lock _gate = new();
    private readonly List<ManualTimer> _timers = [];
    private readonly List<(Func<bool> Condition, TaskCompletionSource Reached)> _watchers = [];
    private TimeSpan _now;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override DateTimeOffset GetUtcNow() => DateTimeOffset.UnixEpoch + _now;

    public override long GetTimestamp() => _now.Ticks;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new ManualTimer(this, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    /// <summary>Completes when that many timers are waiting.</summary>
    public Task WhenTimersAsync(int count) => WhenAsync(() => _timers.Count >= count);

    /// <summary>Completes when a timer is waiting that is due within that time.</summary>
    public Task WhenTimerAsync(TimeSpan within) => WhenAsync(() => _timers.Any(timer => timer.Due <= _now + within));

    public void Advance(TimeSpan by)
    {
        List<ManualTimer> due;
        lock (_gate)
        {
            _now += by;
            due = [.. _timers.Where(timer => timer.Due <= _now)];
            _timers.RemoveAll(due.Contains);
        }

        foreach (var timer in due)
        {
            timer.Fire();
        }
    }

    /// <summary>Moves time on, but only while something waits for no longer than that, until the task has ended.</summary>
    public async Task AdvanceUntilAsync(Task task, TimeSpan by)
    {
        while (!task.IsCompleted)
        {
            await Task.WhenAny(WhenTimerAsync(by), task);
            if (!task.IsCompleted)
            {
                Advance(by);

                // Behind what the sockets have to say by now: time that only waits for time would run a day ahead of them.
                await Task.Yield();
            }
        }
    }

    private Task WhenAsync(Func<bool> condition)
    {
        lock (_gate)
        {
            if (condition())
            {
                return Task.CompletedTask;
            }

            var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _watchers.Add((condition, reached));
            return reached.Task;
        }
    }

    private sealed class ManualTimer(ManualTimeProvider clock, TimerCallback callback, object? state) : ITimer
    {
        public TimeSpan Due { get; private set; }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            lock (clock._gate)
            {
                clock._timers.Remove(this);
                if (dueTime == Timeout.InfiniteTimeSpan)
                {
                    return true;
                }

                Due = clock._now + dueTime;
                clock._timers.Add(this);
                foreach (var watcher in clock._watchers.Where(watcher => watcher.Condition()).ToArray())
                {
                    clock._watchers.Remove(watcher);
                    watcher.Reached.SetResult();
                }

                return true;
            }
        }

        public void Fire() => callback(state);

        public void Dispose()
        {
            lock (clock._gate)
            {
                clock._timers.Remove(this);
            }
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
