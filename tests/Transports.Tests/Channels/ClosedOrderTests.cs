using Microsoft.Extensions.Logging;

namespace Transports.Tests.Channels;

/// <summary>Whoever learns that a channel has ended finds <see cref="IMessageChannel.Closed"/> completed, also in the moment in which the end is told to others.</summary>
public sealed class ClosedOrderTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("dispose")]
    [InlineData("close")]
    [InlineData("receive")]
    [InlineData("wait")]
    public async Task AnyCall_WhileAnotherThreadEndsTheChannel_CompletesBehindClosed(string call)
    {
        using var logger = new BlockingLogger();
        var transport = new MemoryTransport(loggerFactory: logger);
        await using var listener = await transport.ListenAsync(new Uri("mem://order"), Token);
        await using var client = await transport.ConnectAsync(listener.LocalAddress, Token);
        await using var server = (await listener.AcceptAsync(Token))!;

        // The end of the server's channel is known, and the thread that ends it has not come to Closed.
        var closing = Task.Run(() => client.CloseAsync(cancellationToken: Token).AsTask(), Token);
        await logger.Entered.WaitAsync(Token);
        var calling = call switch
        {
            "dispose" => server.DisposeAsync().AsTask(),
            "close" => server.CloseAsync(cancellationToken: Token).AsTask(),
            "receive" => server.ReceiveAsync(Token).AsTask(),
            _ => server.WaitToReceiveAsync(Token).AsTask(),
        };
        var closedWhenItCompleted = calling.ContinueWith(_ => server.Closed.IsCompleted, Token, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        logger.Release();

        (await closedWhenItCompleted).Should().BeTrue();
        await closing;
    }

    /// <summary>Holds the thread that logs until it is released.</summary>
    private sealed class BlockingLogger : ILogger, ILoggerFactory
    {
        private readonly TaskCompletionSource _entered = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly ManualResetEventSlim _released = new();

        public Task Entered => _entered.Task;

        public void Release() => _released.Set();

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull
            => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            _entered.TrySetResult();
            _released.Wait(Token);
        }

        public ILogger CreateLogger(string categoryName) => this;

        public void AddProvider(ILoggerProvider provider)
        {
        }

        public void Dispose() => _released.Set();
    }
}
