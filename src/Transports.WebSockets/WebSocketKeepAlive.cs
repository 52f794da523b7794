namespace Transports;

/// <summary>Pings a silent peer, and ends the channel when it stays silent (RFC 6455, section 5.5.2). One timer, touched once an interval.</summary>
internal sealed class WebSocketKeepAlive : IDisposable
{
    private readonly WebSocketMessageChannel _channel;
    private readonly TimeSpan _interval;
    private readonly TimeSpan _timeout;
    private readonly ITimer _timer;
    private bool _pinged;

    public WebSocketKeepAlive(WebSocketMessageChannel channel, WebSocketChannelOptions options)
    {
        _channel = channel;
        _interval = options.KeepAliveInterval;
        _timeout = options.KeepAliveTimeout;

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
        if (_channel.TakeHeard() || !_channel.CanHear)
        {
            // Alive; or nobody listens, and silence says nothing.
            _pinged = false;
        }
        else if (_pinged)
        {
            _channel.OnSilence(_interval + _timeout);
            return;
        }
        else
        {
            _channel.Ping();
            _pinged = _timeout != Timeout.InfiniteTimeSpan;
        }

        _timer.Change(_pinged ? _timeout : _interval, Timeout.InfiniteTimeSpan);
    }
}
