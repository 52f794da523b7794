using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace Transports.Engine;

/// <summary>
/// Where a server without a logger tells what must not be lost: the first error of each kind, on standard error. A handler that throws would otherwise
/// leave no trace but a channel that ends.
/// </summary>
internal sealed class StandardErrorLogger : ILogger
{
    private readonly ConcurrentDictionary<int, bool> _told = new();

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull
        => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel is LogLevel.Error or LogLevel.Critical;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (!IsEnabled(logLevel) || !_told.TryAdd(eventId.Id, true))
        {
            return;
        }

        try
        {
            Console.Error.WriteLine(
                $"Transports: {formatter(state, exception)}{(exception is null ? "" : Environment.NewLine + exception)}{Environment.NewLine}"
                + "Transports: more of this kind is not shown. Give MessageServer a loggerFactory to see all of it, or NullLoggerFactory.Instance to see nothing.");
        }
        catch (IOException)
        {
            // Nobody reads it.
        }
    }
}
