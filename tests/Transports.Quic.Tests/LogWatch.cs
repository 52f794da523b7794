using Microsoft.Extensions.Logging;

namespace Transports.Quic.Tests;

/// <summary>Completes when an event has been logged often enough.</summary>
internal sealed class LogWatch(int eventId, int times = 1) : ILoggerFactory, ILogger
{
    private readonly TaskCompletionSource _seen = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _left = times;

    public Task Seen => _seen.Task;

    public void AddProvider(ILoggerProvider provider)
    {
    }

    public ILogger CreateLogger(string categoryName) => this;

    public void Dispose()
    {
    }

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull
        => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId id, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (id.Id == eventId && Interlocked.Decrement(ref _left) == 0)
        {
            _seen.SetResult();
        }
    }
}
