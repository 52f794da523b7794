using System.Collections.Concurrent;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;

namespace Transports.Tcp.Tests;

/// <summary>Keeps log lines, and lets a test wait for one.</summary>
internal sealed class CollectingLoggerFactory : ILoggerFactory, ILogger
{
    private readonly Channel<(int Id, LogLevel Level, string Text)> _lines = Channel.CreateUnbounded<(int, LogLevel, string)>();

    public ConcurrentQueue<(int Id, LogLevel Level, string Text)> All { get; } = new();

    public async Task<(LogLevel Level, string Text)> WaitForAsync(int eventId, CancellationToken cancellationToken)
    {
        while (true)
        {
            var (id, level, text) = await _lines.Reader.ReadAsync(cancellationToken);
            if (id == eventId)
            {
                return (level, text);
            }

            // 2011 may be an address that lost the race of Happy Eyeballs on a slow machine.
            if (id is 2010 or 2012 or 2013)
            {
                throw new InvalidOperationException($"Waiting for event {eventId}, and a handshake ended otherwise: {id} {text}");
            }
        }
    }

    public ILogger CreateLogger(string categoryName) => this;

    public void AddProvider(ILoggerProvider provider)
    {
    }

    public void Dispose()
    {
    }

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull
        => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        All.Enqueue((eventId.Id, logLevel, formatter(state, exception)));
        _lines.Writer.TryWrite((eventId.Id, logLevel, formatter(state, exception)));
    }
}
