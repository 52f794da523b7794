namespace Transports.Extensibility;

/// <content>How it ends: what this side decides, what the peer and the network do, and how the connection goes back.</content>
/// <remarks>
/// Whoever ends the channel, the connection is given back once, by one of these:
/// <code>
/// close by this side, a fault it can tell the peer --> LingerAsync: what was accepted is written, the peer's end awaited
/// close by the peer's protocol                     --> LingerAsync, which answers
/// abort, a fault, a time that has passed           --> broken off, ReleaseAsync
/// the input's own end                              --> ReleaseAsync
/// </code>
/// </remarks>
public sealed partial class FramedMessageChannel : IFrameSink, IFrameReaderHost, IByteConnectionHost
{
    private readonly CancellationTokenSource _brokenOff = new();
    private ChannelCloseInfo? _peerClose;
    private bool _halfClosed;
    private bool _writesClosed;
    private bool _releasing;
    private long _sendFailedAt;

    bool IFrameSink.HasUnreadInput => HasReceivedMessages || _reader.HasUnread;

    bool IFrameSink.NeedsWholeFrames => _connection.NeedsWholeFrames;

    bool IFrameReaderHost.IsBufferInUse => IsLoanInForce || HasReceivedMessages;

    bool IFrameReaderHost.IsOutputOver => Lifetime.IsOutputOver;

    ValueTask IFrameSink.WriteAsync(ReadOnlyMemory<byte> frames) => _connection.WriteAsync(frames);

    Exception IFrameSink.OnWriteFailed(Exception error) => FailSending(_connection.DescribeFailure(error));

    void IByteConnectionHost.OnBroken(Exception error) => _queue.Fail(FailSending(_connection.DescribeFailure(error)));

    void IFrameReaderHost.OnReply(ReadOnlySpan<byte> reply) => _queue.PostReply(reply);

    void IFrameReaderHost.OnPeerClosed(ChannelCloseInfo info)
    {
        Volatile.Write(ref _peerClose, info);
        if (IsClosing || !Terminate(info, info.Exception as MessageFramingException, abort: false))
        {
            // This side closes, and was first: its close waits for this, and stays how the channel ended.
            return;
        }

        _queue.Refuse(new MessageChannelClosedException(info), alsoWaiting: true);
        _queue.TryClose(info, info);
        _ = LingerAsync(new ChannelCloseInfo(ChannelCloseStatus.Normal, IsRemote: false));
    }

    void IFrameReaderHost.OnInputEnded(ChannelCloseInfo? info, bool allReceived)
    {
        info ??= Lifetime.SendFailure;
        if (info is not null)
        {
            EndWithInput(info);
        }
        else if (allReceived)
        {
            Lifetime.FinishInput();
            if (Lifetime.SendFailure is { } failure)
            {
                // Came meanwhile: either this sees it, or it sees that the input has finished.
                EndWithInput(failure);
            }

            CloseWhenBothFinished();
        }
    }

    void IFrameReaderHost.OnInputFailed(Exception error) => EndWithInput(_connection.DescribeFailure(error));

    void IFrameReaderHost.OnBoundReached(long stillSince)
    {
        var isBroken = _connection.IsBroken;
        if (Lifetime.SendFailure is { } failure)
        {
            // How the peer has ended is told behind what it sent, to a receiver; but nobody waits for one for ever.
            if (isBroken || ChannelClock.Now(Options.TimeProvider) - Math.Max(stillSince, _sendFailedAt) >= Options.CloseTimeout.TotalMilliseconds)
            {
                EndWithInput(failure);
            }
        }
        else if (isBroken)
        {
            EndWithInput(new ChannelCloseInfo(ChannelCloseStatus.ConnectionLost, IsRemote: true, "The connection was reset."));
        }
    }

    void IFrameReaderHost.OnReadingOver()
    {
        if (CloseInfo is not null && !Lifetime.IsInputDropped)
        {
            // It had ended before its input; what is left in the buffers can still be received.
            _ = ReleaseAsync();
        }
    }

    /// <inheritdoc/>
    protected override async ValueTask CompleteSendingCoreAsync()
    {
        _queue.Refuse(SendingCompleted(), alsoWaiting: false);
        await _queue.FlushAllAsync(CancellationToken.None).ConfigureAwait(false);
        await CompleteWritesAsync(null).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    protected override async ValueTask CloseCoreAsync(ChannelCloseInfo info, CancellationToken cancellationToken)
    {
        _queue.Refuse(ClosedException(), alsoWaiting: true);
        _queue.TryClose(info, Volatile.Read(ref _peerClose));

        // Two sides that both write and close must not hold each other.
        var draining = _reader.DrainAsync(seized: true);

        // A close that is given up, or overtaken by an abort, leaves it to nobody.
        Observe(draining);
        try
        {
            await _queue.FlushAllAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (MessageChannelClosedException) when (CloseInfo is null && Lifetime.SendFailure is not null)
        {
            // Told below.
        }

        if (CloseInfo is null && Lifetime.SendFailure is { } failure)
        {
            // The peer has not taken all of it, also when the connection's host has said so and the flush has not. Where that is because it has ended the channel, its end tells how.
            throw new MessageChannelClosedException(await FindEndAsync(draining, cancellationToken).ConfigureAwait(false) ?? failure);
        }

        _queue.Fail(ClosedException());

        // TLS writes its own end, which a peer that does not read can hold up like any other write.
        var completing = CompleteWritesAsync(info).AsTask();

        // When the wait is given up, the abort that follows makes it fail, and that must not be reported as unobserved.
        Observe(completing);
        await completing.WaitAsync(cancellationToken).ConfigureAwait(false);
        _ = LingerAsync(draining);
    }

    /// <inheritdoc/>
    protected override void AbortCore(ChannelCloseInfo info)
    {
        if (_codec.CanTellEnd(info))
        {
            _queue.Refuse(new MessageChannelClosedException(info), alsoWaiting: true);
            if (_queue.TryClose(info, null))
            {
                _ = LingerAsync(info);
                return;
            }
        }

        BreakOff(info);
    }

    /// <inheritdoc/>
    protected override void OnClosing()
    {
        _keepAlive?.Dispose();
        _reader.Wake();
    }

    /// <inheritdoc/>
    protected override void ReleaseReceiveCore(bool abandon) => _reader.Seize(abandon);

    private protected override void AbandonConnectionCore(ChannelCloseInfo info)
    {
        if (!Volatile.Read(ref _releasing))
        {
            BreakOff(info);
        }
    }

    private async Task<ChannelCloseInfo?> FindEndAsync(Task draining, CancellationToken cancellationToken)
    {
        try
        {
            await draining.WaitAsync(cancellationToken).ConfigureAwait(false);
            return _connection.DescribeEnd();
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return null;
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            return _connection.DescribeFailure(e);
        }
    }

    private MessageChannelClosedException FailSending(ChannelCloseInfo info)
    {
        if (Lifetime.SendFailure is null)
        {
            Volatile.Write(ref _sendFailedAt, ChannelClock.Now(Options.TimeProvider));
        }

        if (Lifetime.FailOutput(info) && !IsClosing && (!_reader.TryWatch() || PeerFinished))
        {
            // Nothing more can be learnt from the input without receiving what has come.
            EndWithInput(info);
        }

        return new MessageChannelClosedException(CloseInfo ?? Lifetime.SendFailure ?? info);
    }

    // The input has told the channel's end, or will not tell more than that.
    private void EndWithInput(ChannelCloseInfo info)
    {
        if (Lifetime.IsInputDropped)
        {
            // This side ends the channel, and tells how itself.
            return;
        }

        // A fault that was found without a receiver is told as a receiver would have found it.
        Terminate(info, info.Exception as MessageFramingException, abort: false);
        if (!_reader.IsReadingOver)
        {
            _queue.Fail(new MessageChannelClosedException(CloseInfo ?? info));
        }
        else if (IsCleanRemote(info))
        {
            _queue.Fail(new MessageChannelClosedException(CloseInfo ?? info));
            _ = ReleaseAsync();
        }
        else
        {
            BreakOff(info);
        }
    }

    private void BreakOff(ChannelCloseInfo info)
    {
        _connection.Abort(info);
        _reader.Stop();
        _queue.Fail(new MessageChannelClosedException(info));
        _brokenOff.Cancel();
        _ = ReleaseAsync();
    }

    private async ValueTask CompleteWritesAsync(ChannelCloseInfo? close)
    {
        if (close is null ? Interlocked.Exchange(ref _halfClosed, true) : Interlocked.Exchange(ref _writesClosed, true))
        {
            return;
        }

        try
        {
            await _connection.CompleteWritesAsync(close).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            // Keeps the first end, when an abort has come first.
            Terminate(_connection.DescribeFailure(e));
            throw ClosedException();
        }
    }

    // No close call waits for this: the peer or the protocol ended the channel. What was accepted is written, the peer's end awaited, the connection given back.
    private async Task LingerAsync(ChannelCloseInfo close)
    {
        if (Interlocked.Exchange(ref _releasing, true))
        {
            return;
        }

        var draining = _reader.DrainAsync(Lifetime.IsInputDropped);
        try
        {
            var flushing = _queue.FlushAsync(CancellationToken.None).AsTask();
            Observe(flushing);
            await flushing.WaitAsync(Options.CloseTimeout, Options.TimeProvider, _brokenOff.Token).ConfigureAwait(false);
            if (!Interlocked.Exchange(ref _writesClosed, true))
            {
                var completing = _connection.CompleteWritesAsync(close).AsTask();
                Observe(completing);
                await completing.WaitAsync(Options.CloseTimeout, Options.TimeProvider, _brokenOff.Token).ConfigureAwait(false);
            }

            await draining.WaitAsync(Options.CloseTimeout, Options.TimeProvider, _brokenOff.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // The peer goes on, or broke off: either way this side is done with it.
            _connection.Abort(CloseInfo ?? close);
            _reader.Stop();
        }

        await DisposeConnectionAsync(draining).ConfigureAwait(false);
    }

    // The same after a close that has written everything.
    private async Task LingerAsync(Task draining)
    {
        if (Interlocked.Exchange(ref _releasing, true))
        {
            return;
        }

        try
        {
            await draining.WaitAsync(Options.CloseTimeout, Options.TimeProvider, _brokenOff.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            _connection.Abort(Lifetime.EndInfo);
            _reader.Stop();
        }

        await DisposeConnectionAsync(draining).ConfigureAwait(false);
    }

    private async Task ReleaseAsync()
    {
        // A close that was overtaken gives the connection back itself.
        if (!Interlocked.Exchange(ref _releasing, true))
        {
            await DisposeConnectionAsync(_reader.DrainAsync(Lifetime.IsInputDropped)).ConfigureAwait(false);
        }
    }

    private async Task DisposeConnectionAsync(Task draining)
    {
        _queue.Fail(ClosedException());
        await draining.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _queue.WhenIdleAsync().ConfigureAwait(false);
        ChannelTicker.Remove(this);
        try
        {
            await _connection.DisposeAsync().ConfigureAwait(false);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            Log.DisposeFailed(Logger, e, Id);
        }
    }
}
