namespace Transports.Engine;

/// <summary>Lets so many pass a second, and a burst at once after a quiet time. Not for concurrent use.</summary>
/// <remarks>Not System.Threading.RateLimiting's: its limiters read the system's clock alone, so that no test can move it, and hold a queue and a timer each.</remarks>
internal sealed class TokenBucket
{
    // A debt of any size is a time that a timer can wait.
    private const double MaxWaitSeconds = 24 * 60 * 60;

    private readonly double _perSecond;
    private readonly double _burst;
    private readonly TimeProvider _timeProvider;
    private double _tokens;
    private long _filledAt;

    public TokenBucket(double perSecond, double burst, TimeProvider timeProvider)
    {
        _perSecond = perSecond;
        _burst = burst;
        _timeProvider = timeProvider;
        _tokens = burst;
        _filledAt = timeProvider.GetTimestamp();
    }

    /// <summary>Whether it is as it was made: nothing is lost with it.</summary>
    public bool IsFull
    {
        get
        {
            Fill();
            return _tokens >= _burst;
        }
    }

    /// <summary>How long until one may pass.</summary>
    public TimeSpan Wait => WaitFor(1);

    /// <summary>How long until there are so many.</summary>
    public TimeSpan WaitFor(double tokens)
    {
        Fill();
        return _tokens >= tokens ? TimeSpan.Zero : TimeSpan.FromSeconds(Math.Min((tokens - _tokens) / _perSecond, MaxWaitSeconds));
    }

    /// <summary>Lets some pass, also more than there are: the debt makes the next wait longer.</summary>
    public void Take(double tokens = 1) => _tokens -= tokens;

    private void Fill()
    {
        var now = _timeProvider.GetTimestamp();
        _tokens = Math.Min(_burst, _tokens + _timeProvider.GetElapsedTime(_filledAt, now).TotalSeconds * _perSecond);
        _filledAt = now;
    }
}
