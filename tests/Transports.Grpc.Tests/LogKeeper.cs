using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace Transports.Grpc.Tests;

/// <summary>Keeps what is logged, at all levels.</summary>
internal sealed class LogKeeper : ILoggerFactory
{
    public ConcurrentQueue<(string Category, LogLevel Level, int Id, string Text)> Entries { get; } = new();

    public ILogger CreateLogger(string categoryName) => new Keeper(this, categoryName);

    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

    public void Dispose()
    {
    }

    private sealed class Keeper(LogKeeper owner, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull
            => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
            => owner.Entries.Enqueue((category, logLevel, eventId.Id, formatter(state, exception)));
    }
}
