namespace Transports.Engine;

/// <summary>Asks a silent peer for a sign of life, and ends the channel when none comes. One timer, touched at least once an interval.</summary>
/// <remarks>
/// <code>
/// Listening --an interval of silence--> Asked    the ping is to be written, before anything else that waits
/// Asked     --the ping has left-->      Waiting  from here on the timeout counts
/// Asked, Waiting --anything arrives, or nobody can hear--> Listening
/// Waiting   --the timeout has passed--> the channel ends
/// </code>
/// </remarks>
internal sealed class KeepAlive : IDisposable
{
    private readonly FramedMessageChannel _channel;
    private readonly SendQueue _queue;
    private readonly FrameReader _reader;
    private readonly TimeSpan _interval;
    private readonly TimeSpan _timeout;
    private readonly TimeProvider _time;
    private readonly ITimer _timer;
    private State _state;
    private long _awaitedPing;
    private long _leftAt;

    public KeepAlive(FramedMessageChannel channel, SendQueue queue, FrameReader reader, TimeSpan interval, TimeSpan timeout, TimeProvider time)
    {
        _channel = channel;
        _queue = queue;
        _reader = reader;
        _interval = interval;
        _timeout = timeout;
        _time = time;
        _timer = time.CreateTimer(static state => ((KeepAlive)state!).OnTick(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    private enum State
    {
        Listening,
        Asked,
        Waiting,
    }

    public void Start() => _timer.Change(_interval, Timeout.InfiniteTimeSpan);

    public void Dispose() => _timer.Dispose();

    private void OnTick()
    {
        var next = _interval;
        if (_reader.TakeHeard() || !_reader.IsWaitingForBytes)
        {
            // Alive; or nothing is being read, and silence says nothing.
            _state = State.Listening;
        }
        else if (_state == State.Listening)
        {
            _awaitedPing = _queue.Loop!.PingsLeft + 1;
            if (!_queue.PostPing())
            {
                return;
            }

            _state = _timeout == Timeout.InfiniteTimeSpan ? State.Listening : State.Asked;
            next = Sooner(_timeout);
            NoteLeft();
        }
        else if (_state == State.Asked)
        {
            next = Sooner(_timeout);
            NoteLeft();
        }
        else if (_timeout - _time.GetElapsedTime(_leftAt) is var left && left > TimeSpan.Zero)
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

    private void NoteLeft()
    {
        if (_state == State.Asked && _queue.Loop!.PingsLeft >= _awaitedPing)
        {
            _state = State.Waiting;
            _leftAt = _time.GetTimestamp();
        }
    }

    // An answer is noticed after an interval, and asked for again then, however long one may take. Timers count whole milliseconds.
    private TimeSpan Sooner(TimeSpan left)
        => left == Timeout.InfiniteTimeSpan || left > _interval ? _interval : TimeSpan.FromMilliseconds(Math.Ceiling(left.TotalMilliseconds));
}
