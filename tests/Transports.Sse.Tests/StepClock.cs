namespace Transports.Sse.Tests;

/// <summary>A clock that stands still until the test moves it.</summary>
internal sealed class StepClock : TimeProvider
{
    private readonly Lock _gate = new();
    private readonly List<StepTimer> _timers = [];
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TimeSpan _now;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    /// <summary>How far it has been moved.</summary>
    public TimeSpan Elapsed => _now;

    public override DateTimeOffset GetUtcNow() => DateTimeOffset.UnixEpoch + _now;

    public override long GetTimestamp() => _now.Ticks;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        if (period != Timeout.InfiniteTimeSpan)
        {
            // The engine's tick: it looks at what real input has changed meanwhile, and reads this clock for what is due.
            return System.CreateTimer(callback, state, dueTime, period);
        }

        var timer = new StepTimer(this, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    public void Advance(TimeSpan by)
    {
        List<StepTimer> due;
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

    /// <summary>Moves on to each timer that is due within that time, and no further, until the task has ended.</summary>
    public async Task<T> AdvanceUntilAsync<T>(Task<T> task, TimeSpan within)
    {
        while (!task.IsCompleted)
        {
            TimeSpan? step;
            Task changed;
            lock (_gate)
            {
                var due = _timers.Where(timer => timer.Due <= _now + within).Select(static timer => timer.Due).DefaultIfEmpty(TimeSpan.MaxValue).Min();
                step = due == TimeSpan.MaxValue ? null : due - _now;
                changed = _changed.Task;
            }

            if (step is { } by)
            {
                Advance(by);
            }
            else
            {
                await Task.WhenAny(task, changed).WaitAsync(TestContext.Current.CancellationToken);
            }
        }

        return await task;
    }

    private sealed class StepTimer(StepClock clock, TimerCallback callback, object? state) : ITimer
    {
        public TimeSpan Due { get; private set; }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            lock (clock._gate)
            {
                clock._timers.Remove(this);
                if (dueTime != Timeout.InfiniteTimeSpan)
                {
                    Due = clock._now + dueTime;
                    clock._timers.Add(this);
                    clock._changed.TrySetResult();
                    clock._changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
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
