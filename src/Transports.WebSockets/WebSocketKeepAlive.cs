namespace Transports;

/// <summary>Pings a silent peer, and ends the channel when it stays silent (RFC 6455, section 5.5.2). One timer, touched once an interval.</summary>
internal sealed class WebSocketKeepAlive : IDisposable
{
    private readonly WebSocketMessageChannel _channel;
    private readonly TimeSpan _interval;
    private readonly TimeSpan _timeout;
    private readonly ITimer _timer;
    private readonly TimeProvider _time;
    private long _pingedAt;
    private bool _pinged;

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
            _pinged = false;
        }
        else if (!_pinged)
        {
            _pinged = _channel.Ping();
            _pingedAt = _time.GetTimestamp();
        }

        if (_pinged && _timeout != Timeout.InfiniteTimeSpan)
        {
            var left = _timeout - _time.GetElapsedTime(_pingedAt);
            if (left <= TimeSpan.Zero)
            {
                _channel.OnSilence(_timeout);
                return;
            }

            next = left < next ? left : next;
        }

        _timer.Change(next, Timeout.InfiniteTimeSpan);
    }
}
