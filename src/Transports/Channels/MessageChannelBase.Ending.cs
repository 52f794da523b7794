namespace Transports.Extensibility;

/// <content>How a channel ends. The order in every end: the state, then <see cref="Closed"/>, then who waits is woken, on another thread.</content>
public abstract partial class MessageChannelBase
{
    /// <inheritdoc/>
    public ValueTask CompleteSendingAsync(CancellationToken cancellationToken = default)
    {
        if (!Characteristics.SupportsHalfClose)
        {
            return ValueTask.FromException(new NotSupportedException(
                $"{Context.TransportName} has no half-close. Send a message that says you are done, or use CloseAsync, or a transport whose Characteristics.SupportsHalfClose is true."));
        }

        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled(cancellationToken);
        }

        var mine = _lifetime.TryBeginCompleting(out var completing);
        if (completing is null)
        {
            return ValueTask.FromException(ClosedException());
        }

        if (mine is not null)
        {
            Observe(completing);
            _ = RunCompletingAsync(mine);
        }

        return new ValueTask(completing.IsCompleted ? completing : completing.WaitAsync(cancellationToken));
    }

    /// <inheritdoc/>
    public ValueTask CloseAsync(
        ChannelCloseStatus status = ChannelCloseStatus.Normal,
        string? description = null,
        CancellationToken cancellationToken = default)
    {
        if (!Enum.IsDefined(status))
        {
            return ValueTask.FromException(new ArgumentOutOfRangeException(nameof(status), status, "Not a defined ChannelCloseStatus."));
        }

        var info = new ChannelCloseInfo(status, IsRemote: false, description);

        // A peer that finished first is the one that ended it; closing after it is only the answer. Asked before this side begins: what comes meanwhile may answer it.
        var answers = PeerFinished && status == ChannelCloseStatus.Normal;
        var mine = _lifetime.TryBeginClose(info, out var closing);
        DropInput(endedBefore: mine is null);
        if (mine is not null)
        {
            _ = RunCloseAsync(info, answers, mine);
        }

        return closing.IsCompleted && !cancellationToken.IsCancellationRequested
            ? new ValueTask(closing)
            : WaitForCloseAsync(closing, cancellationToken);
    }

    /// <inheritdoc/>
    public void Abort(Exception? cause = null)
    {
        if (!End(new ChannelCloseInfo(ChannelCloseStatus.Aborted, IsRemote: false, Exception: cause), null, abort: true, drop: true))
        {
            DropInput(endedBefore: true);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await CloseAsync().ConfigureAwait(false);
        GC.SuppressFinalize(this);
    }

    /// <summary>Flushes, those who wait for room included, and tells the peer that no more will come. Called once at most.</summary>
    protected virtual ValueTask CompleteSendingCoreAsync() => ValueTask.FromException(new NotSupportedException());

    /// <summary>Flushes, tells the peer, and gives the connection back. Called once at most; a receive may be waiting.</summary>
    /// <param name="info">The status and the text for the peer.</param>
    /// <param name="cancellationToken">Cancelled at the close timeout or by an abort. The channel is aborted then.</param>
    protected abstract ValueTask CloseCoreAsync(ChannelCloseInfo info, CancellationToken cancellationToken);

    /// <summary>Gives the connection up at once. Called once at most, and not after a close that went well; must not throw, and must not run a receiver's code.</summary>
    /// <param name="info">Why.</param>
    protected abstract void AbortCore(ChannelCloseInfo info);

    /// <summary>The local close has begun, or the channel has ended: wake a waiting receive, on another thread. May be called several times, from any thread; must not throw.</summary>
    protected abstract void OnClosing();

    /// <summary>The channel had ended otherwise, and now this side drops what was left to receive: nobody needs the connection any more.</summary>
    private protected virtual void AbandonConnectionCore(ChannelCloseInfo info)
    {
    }

    /// <summary>For the transport: the peer or the network has ended the channel, or its rules were broken. Keeps the first end only. What has arrived can still be received.</summary>
    /// <param name="info">How it ended.</param>
    /// <param name="error">What a receive throws behind what has arrived; by default a <see cref="MessageChannelClosedException"/> with <paramref name="info"/>.</param>
    /// <param name="abort"><see langword="false"/> when there is nothing to abort: the peer has closed gracefully, and the transport gives its connection back itself.</param>
    /// <returns><see langword="false"/> when the channel had ended before.</returns>
    protected bool Terminate(ChannelCloseInfo info, Exception? error = null, bool abort = true) => End(info, error, abort, drop: false);

    private protected static bool IsCleanRemote(ChannelCloseInfo info)
        => info.IsRemote && info.Status is (ChannelCloseStatus.Normal or ChannelCloseStatus.GoingAway);

    private bool End(ChannelCloseInfo info, Exception? error, bool abort, bool drop)
    {
        ArgumentNullException.ThrowIfNull(info);
        if (!_lifetime.TryTerminate(info, error))
        {
            return false;
        }

        Log.ChannelEnded(Logger, this, info);
        if (drop)
        {
            // Before anybody is woken: what has arrived is no more to be received.
            DropInput(endedBefore: false);
        }

        _lifetime.CompleteClosed();
        OnClosing();
        if (abort)
        {
            AbortCore(info);
        }

        return true;
    }

    // This side has ended the channel or is done with it. The first time, whoever receives is woken and leaves, and then the input is this side's end's.
    private void DropInput(bool endedBefore)
    {
        if (!_lifetime.DropInput())
        {
            return;
        }

        OnClosing();
        _receiveGate.Seize(OnInputSeized);
        if (endedBefore && CloseInfo is { } info)
        {
            // Others had ended the channel, and its connection was kept for what was left to receive.
            AbandonConnectionCore(info);
        }
    }

    private void OnInputSeized()
    {
        var abandon = _loan.IsInForce;
        _loan.End();
        _received.Clear();
        ReleaseReceiveCore(abandon);
    }

    private protected void MarkSendingEnded()
    {
        _lifetime.CompleteOutput();
        CloseWhenBothFinished();
    }

    // Both directions have ended by themselves, so the channel has: nobody should have to say so to get its connection back.
    private protected void CloseWhenBothFinished()
    {
        if (_lifetime.HasEndedByItself)
        {
            // Never throws without a token; waits for nothing but the transport.
            _ = CloseAsync().AsTask();
        }
    }

    private async Task RunCompletingAsync(TaskCompletionSource completion)
    {
        try
        {
            await CompleteSendingCoreAsync().ConfigureAwait(false);
            MarkSendingEnded();
            completion.TrySetResult();
        }
        catch (Exception e)
        {
            completion.TrySetException(e);
        }
    }

    private async Task RunCloseAsync(ChannelCloseInfo info, bool answers, TaskCompletionSource completion)
    {
        try
        {
            using var timeout = new CancellationTokenSource(Options.CloseTimeout, Options.TimeProvider);
            var closing = CloseCoreAsync(info, timeout.Token);
            if (closing.IsCompletedSuccessfully)
            {
                closing.GetAwaiter().GetResult();
            }
            else
            {
                // An abort from elsewhere ends the wait too.
                var task = closing.AsTask();
                Observe(task);
                await Task.WhenAny(task, Closed).ConfigureAwait(false);
                if (task.IsCompleted)
                {
                    await task.ConfigureAwait(false);
                }
            }

            End(info with { IsRemote = answers }, null, abort: false, drop: true);
        }
        catch (OperationCanceledException e)
        {
            End(
                new ChannelCloseInfo(ChannelCloseStatus.TimedOut, IsRemote: false, "The graceful close took longer than CloseTimeout, so the channel was aborted.", Exception: e),
                null,
                abort: true,
                drop: true);
        }
        catch (Exception e)
        {
            var failure = e is MessageChannelClosedException closed
                ? closed.CloseInfo
                : new ChannelCloseInfo(ChannelCloseStatus.ConnectionLost, IsRemote: true, Exception: e);
            End(failure, null, abort: true, drop: true);
        }
        finally
        {
            completion.TrySetResult();
        }
    }

    private async ValueTask WaitForCloseAsync(Task closing, CancellationToken cancellationToken)
    {
        try
        {
            await closing.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException e)
        {
            Abort(e);
            throw;
        }
    }
}
