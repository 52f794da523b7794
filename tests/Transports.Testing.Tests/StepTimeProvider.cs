namespace Transports.Testing.Tests;

/// <summary>A clock whose timers fire when the test says so.</summary>
internal sealed class StepTimeProvider : TimeProvider
{
    private readonly Lock _gate = new();
    private readonly Queue<StepTimer> _timers = new();
    private readonly SemaphoreSlim _set = new(0);

    /// <summary>Waits until one more timer was set.</summary>
    public Task TimerSetAsync() => _set.WaitAsync();

    /// <summary>Fires the oldest timer and returns the time it was set for.</summary>
    public TimeSpan FireNext()
    {
        StepTimer timer;
        lock (_gate)
        {
            timer = _timers.Dequeue();
        }

        timer.Fire();
        return timer.DueTime;
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new StepTimer(callback, state, dueTime);
        lock (_gate)
        {
            _timers.Enqueue(timer);
        }

        _set.Release();
        return timer;
    }

    private sealed class StepTimer(TimerCallback callback, object? state, TimeSpan dueTime) : ITimer
    {
        public TimeSpan DueTime => dueTime;

        public void Fire() => callback(state);

        public bool Change(TimeSpan newDueTime, TimeSpan newPeriod) => true;

        public void Dispose()
        {
        }

        public ValueTask DisposeAsync() => default;
    }
}
