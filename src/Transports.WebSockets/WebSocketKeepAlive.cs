namespace Transports;

/// <summary>Pings a silent peer, and ends the channel when it stays silent (RFC 6455, section 5.5.2). One timer, touched at least once an interval.</summary>
internal sealed class WebSocketKeepAlive : IDisposable
{
    private readonly WebSocketMessageChannel _channel;
    private readonly TimeSpan _interval;
    private readonly TimeSpan _timeout;
    private readonly ITimer _timer;
    private readonly TimeProvider _time;
    private long? _pingedAt;

    public WebSocketKeepAlive(WebSocketMessageChannel channel, WebSocketChannelOptions options)
    {
        _channel = channel;
        _interval = options.KeepAliveInterval;
        _timeout = options.KeepAliveTimeout;
        _time = options.TimeProvider;

        // Started in two steps: the first tick must find the timer.
        _timer = options.TimeProvider.CreateTimer(
            static state => ((WebSocketKeepAlive)state!).OnTick(),
            this,
            Timeout.InfiniteTimeSpan,
            Timeout.InfiniteTimeSpan);
        _timer.Change(_interval, Timeout.InfiniteTimeSpan);
    }

    public void Dispose() => _timer.Dispose();

    private void OnTick()
    {
        var next = _interval;
        if (_channel.TakeHeard() || !_channel.CanHear)
        {
            // Alive; or nobody listens, and silence says nothing.
            _pingedAt = null;
        }
        else if (_pingedAt is not { } pingedAt)
        {
            _channel.Ping();
            _pingedAt = _timeout == Timeout.InfiniteTimeSpan ? null : _time.GetTimestamp();
            next = Sooner(_timeout);
        }
        else if (_timeout - _time.GetElapsedTime(pingedAt) is var left && left > TimeSpan.Zero)
        {
            next = Sooner(left);
        }
        else
        {
            _channel.OnSilence(_interval + _timeout);
            return;
        }

        _timer.Change(next, Timeout.InfiniteTimeSpan);
    }

    // An answer is noticed after an interval, and asked for again then, however long one may take. Timers count whole milliseconds.
    private TimeSpan Sooner(TimeSpan left)
        => left == Timeout.InfiniteTimeSpan || left > _interval ? _interval : TimeSpan.FromMilliseconds(Math.Ceiling(left.TotalMilliseconds));
}
