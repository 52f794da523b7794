namespace Transports.Extensibility;

/// <summary>The time an attempt has, and its caller's patience, in one token; and which of the two it was that ended it.</summary>
public sealed class ConnectDeadline : IDisposable
{
    private readonly CancellationToken _caller;
    private readonly CancellationTokenSource _timeout;
    private readonly CancellationTokenSource _either;

    /// <summary>Starts the time.</summary>
    /// <param name="timeout">How long; <see cref="Timeout.InfiniteTimeSpan"/> for as long as the caller waits.</param>
    /// <param name="timeProvider">The clock.</param>
    /// <param name="cancellationToken">The caller's token.</param>
    public ConnectDeadline(TimeSpan timeout, TimeProvider timeProvider, CancellationToken cancellationToken)
    {
        _caller = cancellationToken;
        _timeout = new CancellationTokenSource(timeout, timeProvider);
        _either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _timeout.Token);
    }

    /// <summary>Cancelled when the time is over, or by the caller.</summary>
    public CancellationToken Token => _either.Token;

    /// <summary>Whether the time was over, and the caller would have waited on.</summary>
    public bool HasElapsed => _timeout.IsCancellationRequested && !_caller.IsCancellationRequested;

    /// <summary>Throws when it was the caller who gave up.</summary>
    /// <exception cref="OperationCanceledException">The caller's token was cancelled; the exception carries that one.</exception>
    public void ThrowIfCallerCancelled() => _caller.ThrowIfCancellationRequested();

    /// <inheritdoc/>
    public void Dispose()
    {
        _either.Dispose();
        _timeout.Dispose();
    }
}
