using System.Runtime.CompilerServices;

namespace Transports.Engine;

/// <summary>A channel that a <see cref="ConnectionGuard"/> watches.</summary>
/// <remarks>A message costs a flag, not a look at the clock: the guard's tick turns flags into times.</remarks>
internal sealed class GuardedMessageChannel : DelegatingMessageChannel
{
    private readonly ConnectionLease _lease;
    private readonly ReceiveRate? _rate;
    private readonly TimeProvider _timeProvider;
    private readonly bool _receives;
    private readonly long _openedAt;
    private long _lastActiveAt;
    private bool _active;
    private bool _heard;
    private bool _waiting;
    private bool _looked;
    private bool _lookedBefore;
    private bool _expelled;
    private bool _pausing;
    private int _sendsWaiting;
    private bool _sendsMove;
    private long? _stuckSince;

    public GuardedMessageChannel(IMessageChannel inner, ConnectionGuard guard, ConnectionLease lease, ReceiveRate? rate, TimeProvider timeProvider)
        : base(inner)
    {
        Guard = guard;
        _lease = lease;
        _rate = rate;
        _timeProvider = timeProvider;
        _receives = inner.Characteristics.Direction != ChannelDirection.UnidirectionalSend;
        _openedAt = _lastActiveAt = timeProvider.GetTimestamp();
    }

    public ConnectionGuard Guard { get; }

    // A receive that pauses is still a receive: a second one comes to where that is noticed.
    private bool MustPause => _rate is { } rate && (Volatile.Read(ref _pausing) || (rate.Wait > TimeSpan.Zero && !Inner.Closed.IsCompleted));

    public override ValueTask SendAsync(Message message, CancellationToken cancellationToken = default)
    {
        Volatile.Write(ref _active, true);
        var sending = Inner.SendAsync(message, cancellationToken);
        return sending.IsCompleted ? sending : SendSlowAsync(sending);
    }

    public override ValueTask SendAsync(ReadOnlyMemory<Message> batch, CancellationToken cancellationToken = default)
    {
        Volatile.Write(ref _active, true);
        var sending = Inner.SendAsync(batch, cancellationToken);
        return sending.IsCompleted ? sending : SendSlowAsync(sending);
    }

    public override bool TrySend(in Message message)
    {
        // What finds no room is no message that has passed.
        var sent = Inner.TrySend(message);
        if (sent)
        {
            Volatile.Write(ref _active, true);
        }

        return sent;
    }

    public override ValueTask<Message?> ReceiveAsync(CancellationToken cancellationToken = default)
        => MustPause ? ReceiveLaterAsync(cancellationToken) : ReceiveNowAsync(cancellationToken);

    public override ValueTask<bool> WaitToReceiveAsync(CancellationToken cancellationToken = default)
        => MustPause ? WaitLaterAsync(cancellationToken) : WaitNowAsync(cancellationToken);

    public override bool TryReceive(out Message message)
    {
        if (MustPause)
        {
            ThrowIfPausing();
            message = default;
            return false;
        }

        if (Inner.TryReceive(out message))
        {
            OnMessage(message);
            return true;
        }

        Volatile.Write(ref _looked, true);
        return false;
    }

    public override async ValueTask DisposeAsync()
    {
        try
        {
            await base.DisposeAsync().ConfigureAwait(false);
        }
        finally
        {
            Guard.Unwatch(this);
            _lease.Return();
        }
    }

    /// <summary>Looks at what has passed since the last tick.</summary>
    /// <returns>Why the peer has to go; <see langword="null"/> when it may stay.</returns>
    public string? Judge(long now, ConnectionGuardOptions options)
    {
        if (Volatile.Read(ref _active))
        {
            Volatile.Write(ref _active, false);
            _lastActiveAt = now;
        }

        // Twice in a row: a receive that has only just begun has not yet had the time to see what is there.
        var looks = Volatile.Read(ref _waiting) || Volatile.Read(ref _looked);
        Volatile.Write(ref _looked, false);
        var judged = looks && _lookedBefore;
        _lookedBefore = looks;
        if (_expelled)
        {
            return null;
        }

        if (IsStuck(now, options.SlowReaderTimeout))
        {
            return $"The peer reads too slowly: no send has found room for {options.SlowReaderTimeout}.";
        }

        if (!judged || !_receives)
        {
            return null;
        }

        if (!Volatile.Read(ref _heard) && IsOver(_openedAt, now, options.FirstMessageTimeout))
        {
            return $"No message came within {options.FirstMessageTimeout}.";
        }

        return IsOver(_lastActiveAt, now, options.IdleTimeout) ? $"No message has passed for {options.IdleTimeout}." : null;
    }

    /// <summary>Closes the channel as timed out. Does not throw.</summary>
    public async Task ExpelAsync(string why)
    {
        _expelled = true;
        try
        {
            await Inner.CloseAsync(ChannelCloseStatus.TimedOut, why).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            // A channel may be anybody's, and nobody waits for this.
            Inner.Abort(e);
        }
    }

    private ValueTask<Message?> ReceiveNowAsync(CancellationToken cancellationToken)
    {
        var receiving = Inner.ReceiveAsync(cancellationToken);
        if (!receiving.IsCompletedSuccessfully)
        {
            return ReceiveSlowAsync(receiving);
        }

        var received = receiving.Result;
        if (received is { } message)
        {
            OnMessage(message);
        }

        return new ValueTask<Message?>(received);
    }

    private ValueTask<bool> WaitNowAsync(CancellationToken cancellationToken)
    {
        var waiting = Inner.WaitToReceiveAsync(cancellationToken);
        if (!waiting.IsCompletedSuccessfully)
        {
            return WaitSlowAsync(waiting);
        }

        var there = waiting.Result;
        if (there)
        {
            OnSign();
        }

        return new ValueTask<bool>(there);
    }

    private bool IsStuck(long now, TimeSpan limit)
    {
        if (Volatile.Read(ref _sendsWaiting) == 0)
        {
            _stuckSince = null;
            return false;
        }

        if (Interlocked.Exchange(ref _sendsMove, false))
        {
            _stuckSince = now;
        }

        _stuckSince ??= now;
        return IsOver(_stuckSince.Value, now, limit);
    }

    private bool IsOver(long since, long now, TimeSpan limit)
        => limit != Timeout.InfiniteTimeSpan && _timeProvider.GetElapsedTime(since, now) >= limit;

    private void OnMessage(in Message message)
    {
        _rate?.Take(message.Length);
        OnSign();
    }

    private void OnSign()
    {
        Volatile.Write(ref _active, true);
        Volatile.Write(ref _heard, true);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<Message?> ReceiveSlowAsync(ValueTask<Message?> receiving)
    {
        Volatile.Write(ref _waiting, true);
        try
        {
            var received = await receiving.ConfigureAwait(false);
            if (received is { } message)
            {
                OnMessage(message);
            }

            return received;
        }
        finally
        {
            Volatile.Write(ref _waiting, false);
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<bool> WaitSlowAsync(ValueTask<bool> waiting)
    {
        Volatile.Write(ref _waiting, true);
        try
        {
            var there = await waiting.ConfigureAwait(false);
            if (there)
            {
                OnSign();
            }

            return there;
        }
        finally
        {
            Volatile.Write(ref _waiting, false);
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<Message?> ReceiveLaterAsync(CancellationToken cancellationToken)
    {
        await PauseAsync(cancellationToken).ConfigureAwait(false);
        return await ReceiveNowAsync(cancellationToken).ConfigureAwait(false);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<bool> WaitLaterAsync(CancellationToken cancellationToken)
    {
        await PauseAsync(cancellationToken).ConfigureAwait(false);
        return await WaitNowAsync(cancellationToken).ConfigureAwait(false);
    }

    // Until the rate allows the next message, or the channel has ended: what has arrived before that is told without delay.
    private async ValueTask PauseAsync(CancellationToken cancellationToken)
    {
        if (Interlocked.Exchange(ref _pausing, true))
        {
            throw AnotherReceive();
        }

        try
        {
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            while (_rate!.Wait is var wait && wait > TimeSpan.Zero && !Inner.Closed.IsCompleted)
            {
                cancellationToken.ThrowIfCancellationRequested();

                // Timers count whole milliseconds, and one of zero would make this a busy loop.
                var delay = Task.Delay(TimeSpan.FromMilliseconds(Math.Ceiling(wait.TotalMilliseconds)), _timeProvider, stop.Token);
                await Task.WhenAny(delay, Inner.Closed).ConfigureAwait(false);
            }

            await stop.CancelAsync().ConfigureAwait(false);
        }
        finally
        {
            Volatile.Write(ref _pausing, false);
        }
    }

    private void ThrowIfPausing()
    {
        if (Volatile.Read(ref _pausing))
        {
            throw AnotherReceive();
        }
    }

    private static InvalidOperationException AnotherReceive()
        => new("Another receive is in progress. One caller may receive at a time: await its result first.");

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask SendSlowAsync(ValueTask sending)
    {
        Interlocked.Increment(ref _sendsWaiting);
        try
        {
            await sending.ConfigureAwait(false);
            Volatile.Write(ref _sendsMove, true);
        }
        finally
        {
            Interlocked.Decrement(ref _sendsWaiting);
        }
    }
}
