using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace Transports.Api.Tests;

/// <summary>Keeps the text of everything logged, exceptions included.</summary>
internal sealed class TextLog : ILoggerFactory, ILogger
{
    public ConcurrentQueue<string> Lines { get; } = new();

    public ILogger CreateLogger(string categoryName) => this;

    public void AddProvider(ILoggerProvider provider)
    {
    }

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        Lines.Enqueue($"{formatter(state, exception)} {exception}");

        // What a structured log would keep of it.
        if (state is IEnumerable<KeyValuePair<string, object?>> values)
        {
            Lines.Enqueue(string.Join(' ', values.Select(static value => value.Value)));
        }
    }

    public void Dispose()
    {
    }
}
