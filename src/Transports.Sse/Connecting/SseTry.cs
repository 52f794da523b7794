namespace Transports.Sse;

/// <summary>One of several tries to reach the server, with a limit on its time.</summary>
internal sealed class SseTry : IDisposable
{
    private readonly CancellationTokenSource _timeout;
    private readonly CancellationTokenSource _linked;
    private readonly TimeSpan _limit;
    private readonly CancellationToken _outer;

    public SseTry(TimeSpan limit, TimeProvider time, CancellationToken cancellationToken)
    {
        _limit = limit;
        _outer = cancellationToken;
        _timeout = new CancellationTokenSource(limit, time);
        _linked = CancellationTokenSource.CreateLinkedTokenSource(_timeout.Token, cancellationToken);
    }

    /// <summary>Cancelled when the time is over, or the channel is.</summary>
    public CancellationToken Token => _linked.Token;

    /// <summary>The time was over first.</summary>
    public bool IsTimedOut => _timeout.IsCancellationRequested && !_outer.IsCancellationRequested;

    /// <summary>The server has given an answer, only not the last one: the tries before count no more.</summary>
    public bool IsAnswered { get; private set; }

    /// <summary>Something has moved: the time begins anew.</summary>
    public void Extend()
    {
        try
        {
            _timeout.CancelAfter(_limit);
        }
        catch (ObjectDisposedException)
        {
            // A request that was given up may still say so.
        }
    }

    /// <summary>The server is there, and asks for more time.</summary>
    public void Answered()
    {
        IsAnswered = true;
        Extend();
    }

    public void Dispose()
    {
        _linked.Dispose();
        _timeout.Dispose();
    }
}
