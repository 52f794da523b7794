using System.Runtime.ExceptionServices;

namespace Transports.Extensibility;

/// <content>Receiving: one caller at a time drains a table of messages, and asks the transport only when it is empty.</content>
public abstract partial class MessageChannelBase
{
    private readonly MessageLoan _loan;
    private readonly ReceiveGate _receiveGate = new();
    private ReceivedMessages _received;
    private bool _isFaulted;

    /// <summary>Messages are at hand that no receive has returned yet. A hint.</summary>
    private protected bool HasReceivedMessages => !_received.IsEmpty;

    private protected ReceiveGate ReceiveGate => _receiveGate;

    /// <summary>A message that was handed out may still be looked at. For who is inside the receive gate.</summary>
    private protected bool IsLoanInForce => _loan.IsInForce;

    /// <inheritdoc/>
    public ValueTask<Message?> ReceiveAsync(CancellationToken cancellationToken = default)
    {
        if (!_receiveGate.TryEnter())
        {
            return ReceiveOutsideAsync(cancellationToken);
        }

        if (cancellationToken.IsCancellationRequested)
        {
            ExitReceive();
            return ValueTask.FromCanceled<Message?>(cancellationToken);
        }

        if ((_received.IsEmpty && !TryFill()) || _lifetime.IsInputDropped)
        {
            return RentReceiveOperation().ReceiveAsync(cancellationToken);
        }

        var message = _received.Take(_loan);
        _receiveGate.Exit();
        return new ValueTask<Message?>(message);
    }

    /// <inheritdoc/>
    public ValueTask<bool> WaitToReceiveAsync(CancellationToken cancellationToken = default)
    {
        if (!_receiveGate.TryEnter())
        {
            return WaitOutsideAsync(cancellationToken);
        }

        _loan.End();
        if (cancellationToken.IsCancellationRequested)
        {
            ExitReceive();
            return ValueTask.FromCanceled<bool>(cancellationToken);
        }

        if ((_received.IsEmpty && !TryFill()) || _lifetime.IsInputDropped)
        {
            return RentReceiveOperation().WaitToReceiveAsync(cancellationToken);
        }

        _receiveGate.Exit();
        return new ValueTask<bool>(true);
    }

    /// <inheritdoc/>
    public bool TryReceive(out Message message)
    {
        if (!_receiveGate.TryEnter())
        {
            if (!_lifetime.IsInputDropped)
            {
                throw AnotherReceive();
            }

            message = default;
            return false;
        }

        if ((_received.IsEmpty && !TryFill()) || _lifetime.IsInputDropped)
        {
            ExitReceive();
            message = default;
            return false;
        }

        message = _received.Take(_loan);
        _receiveGate.Exit();
        return true;
    }

    /// <summary>Finds the next messages that have arrived, if there are any; the loan on the one before is over when this is called.</summary>
    /// <param name="messages">Empty; takes what there is.</param>
    /// <returns><see langword="false"/> when there is none.</returns>
    /// <remarks>An exception ends the channel: <see cref="MessageTooLargeException"/> with MessageTooLarge, <see cref="MessageFramingException"/> with ProtocolError.</remarks>
    protected abstract bool ReceiveCore(ref ReceivedMessages messages);

    /// <summary>Waits until <see cref="ReceiveCore"/> may find a message.</summary>
    /// <param name="cancellationToken">Gives up waiting, and nothing else.</param>
    /// <returns><see langword="false"/> when nothing is left and nothing will come: the peer has finished, or the channel has ended.</returns>
    /// <remarks>
    /// Must wake up when the channel ends: see <see cref="OnClosing"/>. After an end that this side did not call, it goes on for as long as what has arrived
    /// can still be received, and then returns <see langword="false"/>.
    /// </remarks>
    protected abstract ValueTask<bool> WaitToReceiveCoreAsync(CancellationToken cancellationToken);

    /// <summary>The input is over for this side: gives receive buffers back. See the remarks of this class.</summary>
    /// <param name="abandon">A message that was handed out lies in them and may still be looked at: leave that memory to the collector (see <see cref="IBufferPoolObserver"/>).</param>
    protected virtual void ReleaseReceiveCore(bool abandon)
    {
    }

    // The loan on the message handed out last ends here, before its memory can be touched.
    private void ExitReceive()
    {
        _loan.End();
        _receiveGate.Exit();
    }

    private static InvalidOperationException AnotherReceive() => new(
        "Another receive is in progress on this channel. One caller receives at a time: await the first, or hand its messages on.");

    // Inside the gate, with nothing at hand. Ends the loan: the transport may touch its memory.
    private bool TryFill()
    {
        _loan.End();
        if (HasInputEnded())
        {
            return false;
        }

        try
        {
            return ReceiveCore(ref _received);
        }
        catch (Exception e)
        {
            FaultReceive(e);
            return false;
        }
    }

    // The gate is somebody else's: this side has ended the channel, or the caller breaks the rule of one receiver.
    private async ValueTask<Message?> ReceiveOutsideAsync(CancellationToken cancellationToken)
    {
        await WaitOutsideAsync(cancellationToken).ConfigureAwait(false);
        return null;
    }

    private async ValueTask<bool> WaitOutsideAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (!_lifetime.IsInputDropped)
        {
            throw AnotherReceive();
        }

        await TellEndAsync(cancellationToken).ConfigureAwait(false);

        return false;
    }

    // All are taken. What they lay in goes back to its pool while the channel waits, and must not be kept from the collector should the pool not want it.
    private void ForgetReceived()
    {
        if (_received.IsEmpty)
        {
            _received.Clear();
        }
    }

    private bool HasInputEnded() => _isFaulted || _lifetime.IsInputFinished || _lifetime.IsInputDropped;

    // Nothing is left to receive, and nothing will come.
    private void EndInput()
    {
        if (CloseInfo is { } info && !IsCleanRemote(info))
        {
            return;
        }

        if (CloseInfo is null && _lifetime.IsClosing)
        {
            return;
        }

        _lifetime.FinishInput();
        CloseWhenBothFinished();
    }

    // Closed has completed when a receive tells the end of the channel; what ended it may be about to do so.
    private ValueTask TellEndAsync(CancellationToken cancellationToken)
    {
        if (!_lifetime.IsInputFinished)
        {
            return ThrowEndAsync(cancellationToken);
        }

        return CloseInfo is null || Closed.IsCompleted ? ValueTask.CompletedTask : new ValueTask(Closed);
    }

    // The gate was left before: who ends the channel may be waiting for that.
    private async ValueTask ThrowEndAsync(CancellationToken cancellationToken)
    {
        if (!Closed.IsCompleted)
        {
            // A local close is under way; what a receive tells is true when it tells it.
            await Closed.WaitAsync(cancellationToken).ConfigureAwait(false);
        }

        if (_lifetime.ReceiveError is { } error)
        {
            ExceptionDispatchInfo.Throw(error);
        }

        throw ClosedException();
    }

    private void FaultReceive(Exception error)
    {
        _isFaulted = true;
        if (_lifetime.IsClosing && CloseInfo is null)
        {
            // A close is under way and has woken this receive. Ending the channel here would abort the connection, and lose
            // what the close is still flushing; it ends the channel itself.
            return;
        }

        var info = error switch
        {
            MessageTooLargeException => new ChannelCloseInfo(ChannelCloseStatus.MessageTooLarge, IsRemote: false, error.Message, Exception: error),
            MessageFramingException => new ChannelCloseInfo(ChannelCloseStatus.ProtocolError, IsRemote: false, error.Message, Exception: error),
            MessageChannelClosedException closed => closed.CloseInfo,
            _ => new ChannelCloseInfo(ChannelCloseStatus.InternalError, IsRemote: false, error.Message, Exception: error),
        };

        // What stood before the fault was received; nothing behind it can be.
        End(info, error, abort: true, drop: true);
    }
}
