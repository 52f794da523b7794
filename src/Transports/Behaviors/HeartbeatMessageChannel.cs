using System.Runtime.CompilerServices;

namespace Transports.Engine;

/// <summary>Pings, hides pings, and closes when the peer is silent; <see cref="HeartbeatOptions"/> has the rules.</summary>
/// <remarks>A message costs a flag, not a look at the clock: the timer turns flags into times.</remarks>
internal sealed class HeartbeatMessageChannel : DelegatingMessageChannel
{
    private readonly HeartbeatOptions _options;
    private readonly Message _ping;
    private readonly ITimer _timer;
    private long _lastSeen;
    private long _waitingSince;
    private bool _waiting;
    private bool _sent;
    private bool _received;
    private bool _silenced;
    private bool _expired;
    private int _pinging;

    // Taken from the inner channel to see that it is no ping; its loan goes on, as nothing was received since.
    private Message? _seen;

    public HeartbeatMessageChannel(IMessageChannel inner, HeartbeatOptions options)
        : base(inner)
    {
        options.Validate();
        if (options.Payload.Length > inner.Characteristics.MaxMessageSize)
        {
            throw new ArgumentException(
                $"A ping of {options.Payload.Length} bytes is over the channel's MaxMessageSize of {inner.Characteristics.MaxMessageSize} bytes. Set a shorter Payload.", nameof(options));
        }

        _options = options;
        _ping = new Message(options.Payload);
        _silenced = inner.Characteristics.Direction == ChannelDirection.UnidirectionalReceive;
        _lastSeen = options.TimeProvider.GetTimestamp();
        _timer = options.TimeProvider.CreateTimer(static state => ((HeartbeatMessageChannel)state!).OnInterval(), this, options.Interval, options.Interval);
        _ = StopTimerAtEndAsync();
    }

    public override ValueTask SendAsync(Message message, CancellationToken cancellationToken = default)
    {
        if (IsPing(message))
        {
            return ValueTask.FromException(IsReserved());
        }

        Volatile.Write(ref _sent, true);
        return Inner.SendAsync(message, cancellationToken);
    }

    public override ValueTask SendAsync(ReadOnlyMemory<Message> batch, CancellationToken cancellationToken = default)
    {
        foreach (ref readonly var message in batch.Span)
        {
            if (IsPing(message))
            {
                return ValueTask.FromException(IsReserved());
            }
        }

        Volatile.Write(ref _sent, _sent || !batch.IsEmpty);
        return Inner.SendAsync(batch, cancellationToken);
    }

    public override bool TrySend(in Message message)
    {
        if (IsPing(message))
        {
            throw IsReserved();
        }

        // Only what is sent stands for a ping.
        var sent = Inner.TrySend(message);
        Volatile.Write(ref _sent, _sent || sent);
        return sent;
    }

    public override ValueTask<Message?> ReceiveAsync(CancellationToken cancellationToken = default)
    {
        if (_seen is not null && !cancellationToken.IsCancellationRequested)
        {
            return new ValueTask<Message?>(Take());
        }

        var receiving = Inner.ReceiveAsync(cancellationToken);
        if (receiving.IsCompletedSuccessfully)
        {
            var received = receiving.Result;
            if (received is not { } message)
            {
                return new ValueTask<Message?>(received);
            }

            Volatile.Write(ref _received, true);
            if (!IsPing(message))
            {
                return new ValueTask<Message?>(received);
            }

            receiving = Inner.ReceiveAsync(cancellationToken);
        }

        return ReceiveSlowAsync(receiving, cancellationToken);
    }

    public override ValueTask<bool> WaitToReceiveAsync(CancellationToken cancellationToken = default)
    {
        if (_seen is not null && !cancellationToken.IsCancellationRequested)
        {
            return new ValueTask<bool>(true);
        }

        return WaitSlowAsync(Inner.WaitToReceiveAsync(cancellationToken), cancellationToken);
    }

    public override bool TryReceive(out Message message)
    {
        if (_seen is not null)
        {
            message = Take();
            return true;
        }

        while (Inner.TryReceive(out message))
        {
            Volatile.Write(ref _received, true);
            if (!IsPing(message))
            {
                return true;
            }
        }

        return false;
    }

    public override ValueTask CompleteSendingAsync(CancellationToken cancellationToken = default)
    {
        if (Inner.Characteristics.SupportsHalfClose)
        {
            Volatile.Write(ref _silenced, true);
        }

        return Inner.CompleteSendingAsync(cancellationToken);
    }

    public override async ValueTask DisposeAsync()
    {
        await _timer.DisposeAsync().ConfigureAwait(false);
        await base.DisposeAsync().ConfigureAwait(false);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<Message?> ReceiveSlowAsync(ValueTask<Message?> receiving, CancellationToken cancellationToken)
    {
        Volatile.Write(ref _waitingSince, _options.TimeProvider.GetTimestamp());
        Volatile.Write(ref _waiting, true);
        try
        {
            while (true)
            {
                var received = await receiving.ConfigureAwait(false);
                if (received is not { } message)
                {
                    return received;
                }

                Volatile.Write(ref _received, true);
                if (!IsPing(message))
                {
                    return received;
                }

                receiving = Inner.ReceiveAsync(cancellationToken);
            }
        }
        finally
        {
            Volatile.Write(ref _waiting, false);
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<bool> WaitSlowAsync(ValueTask<bool> waiting, CancellationToken cancellationToken)
    {
        Volatile.Write(ref _waitingSince, _options.TimeProvider.GetTimestamp());
        Volatile.Write(ref _waiting, true);
        try
        {
            while (await waiting.ConfigureAwait(false))
            {
                if (TryReceive(out var message))
                {
                    _seen = message;
                    return true;
                }

                waiting = Inner.WaitToReceiveAsync(cancellationToken);
            }

            return false;
        }
        finally
        {
            Volatile.Write(ref _waiting, false);
        }
    }

    private Message Take()
    {
        var message = _seen!.Value;
        _seen = null;
        return message;
    }

    private bool IsPing(in Message message)
    {
        if (message.Length != _options.Payload.Length)
        {
            return false;
        }

        if (message.IsContiguous)
        {
            return message.Span.SequenceEqual(_options.Payload.Span);
        }

        Span<byte> whole = stackalloc byte[_options.Payload.Length];
        message.CopyTo(whole);
        return whole.SequenceEqual(_options.Payload.Span);
    }

    private static MessageFramingException IsReserved() => new(
        "This payload is the heartbeat's ping, which the peer would drop. Send another, or set a different HeartbeatOptions.Payload on both sides.");

    private void OnInterval()
    {
        var now = _options.TimeProvider.GetTimestamp();
        if (Volatile.Read(ref _received))
        {
            Volatile.Write(ref _received, false);
            _lastSeen = now;
        }

        if (Volatile.Read(ref _waiting)
            && _options.TimeProvider.GetElapsedTime(Math.Max(_lastSeen, Volatile.Read(ref _waitingSince)), now) >= _options.Timeout)
        {
            Expire();
            return;
        }

        if (Volatile.Read(ref _sent))
        {
            Volatile.Write(ref _sent, false);
        }
        else if (!Volatile.Read(ref _silenced) && Interlocked.Exchange(ref _pinging, 1) == 0)
        {
            _ = PingAsync();
        }
    }

    private void Expire()
    {
        if (!Interlocked.Exchange(ref _expired, true))
        {
            _timer.Dispose();
            _ = CloseQuietlyAsync();
        }
    }

    private async Task PingAsync()
    {
        try
        {
            await Inner.SendAsync(_ping).ConfigureAwait(false);
        }
        catch (Exception e) when (e is TransportException or InvalidOperationException or NotSupportedException)
        {
            // The channel has ended or no longer sends, and says so itself.
        }
        finally
        {
            Volatile.Write(ref _pinging, 0);
        }
    }

    private async Task CloseQuietlyAsync()
        => await Inner.CloseAsync(ChannelCloseStatus.TimedOut, $"The peer was silent for {_options.Timeout}.").ConfigureAwait(false);

    private async Task StopTimerAtEndAsync()
    {
        await Inner.Closed.ConfigureAwait(false);
        await _timer.DisposeAsync().ConfigureAwait(false);
    }
}
