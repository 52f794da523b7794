using System.Runtime.CompilerServices;
using System.Threading.Tasks.Sources;

namespace Transports.Extensibility;

/// <content>A receive that has to wait.</content>
public abstract partial class MessageChannelBase
{
    private ReceiveOperation? _spareOperation;

    // Inside the gate; who gives one back may be anywhere.
    private ReceiveOperation RentReceiveOperation()
    {
        var operation = Volatile.Read(ref _spareOperation) ?? new ReceiveOperation(this);
        Volatile.Write(ref _spareOperation, null);
        return operation;
    }

    /// <summary>
    /// The wait of one receive, written out: an async method here would cost each message that is waited for as much as all else that the channel does for it.
    /// Reused once its result was taken; a result that nobody takes is left to the collector.
    /// </summary>
    /// <remarks>
    /// <code>
    /// ReceiveAsync, WaitToReceiveAsync --> Waiting
    /// Waiting --woken, a message is there--> done: the gate left, the message taken (or at hand, for who only waits)
    /// Waiting --woken, nothing is there, more may come--> Waiting
    /// Waiting --woken, nothing is there and nothing will come; cancelled; failed--> done: the gate left, the end told
    /// </code>
    /// </remarks>
    private sealed class ReceiveOperation : IValueTaskSource<Message?>, IValueTaskSource<bool>
    {
        private readonly MessageChannelBase _channel;
        private readonly Action _onWoken;
        private ManualResetValueTaskSourceCore<bool> _core;
        private ConfiguredValueTaskAwaitable<bool>.ConfiguredValueTaskAwaiter _waiting;
        private CancellationToken _cancellationToken;
        private Message _message;
        private bool _takes;

        private enum Outcome
        {
            Nothing,
            Message,
            End,
        }

        public ReceiveOperation(MessageChannelBase channel)
        {
            _channel = channel;
            _onWoken = OnWoken;
        }

        public ValueTask<Message?> ReceiveAsync(CancellationToken cancellationToken)
        {
            Begin(takes: true, cancellationToken);
            return new ValueTask<Message?>(this, _core.Version);
        }

        public ValueTask<bool> WaitToReceiveAsync(CancellationToken cancellationToken)
        {
            Begin(takes: false, cancellationToken);
            return new ValueTask<bool>(this, _core.Version);
        }

        Message? IValueTaskSource<Message?>.GetResult(short token) => TakeResult(token, out var message) ? message : default(Message?);

        bool IValueTaskSource<bool>.GetResult(short token) => TakeResult(token, out _);

        ValueTaskSourceStatus IValueTaskSource<Message?>.GetStatus(short token) => _core.GetStatus(token);

        ValueTaskSourceStatus IValueTaskSource<bool>.GetStatus(short token) => _core.GetStatus(token);

        void IValueTaskSource<Message?>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags)
            => _core.OnCompleted(continuation, state, token, flags);

        void IValueTaskSource<bool>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags)
            => _core.OnCompleted(continuation, state, token, flags);

        // Once; then this may be used again.
        private bool TakeResult(short token, out Message message)
        {
            // A second await, or one too early, must not give back what another receive waits on. GetStatus throws for a stale token.
            if (_core.GetStatus(token) == ValueTaskSourceStatus.Pending)
            {
                throw new InvalidOperationException("The receive has not completed yet: await it.");
            }

            message = _message;
            try
            {
                return _core.GetResult(token);
            }
            finally
            {
                // Nor is the caller's token kept, and what hangs on it.
                _core.Reset();
                _message = default;
                _cancellationToken = default;
                Volatile.Write(ref _channel._spareOperation, this);
            }
        }

        private void Begin(bool takes, CancellationToken cancellationToken)
        {
            _takes = takes;
            _cancellationToken = cancellationToken;
            Outcome outcome;
            try
            {
                outcome = _channel.HasInputEnded() ? Outcome.End : Wait();
            }
            catch (Exception e)
            {
                Fail(e);
                return;
            }

            Complete(outcome);
        }

        private void OnWoken()
        {
            Outcome outcome;
            try
            {
                var waiting = _waiting;
                _waiting = default;
                outcome = Look(waiting.GetResult());
                if (outcome == Outcome.Nothing)
                {
                    outcome = Wait();
                }
            }
            catch (Exception e)
            {
                Fail(e);
                return;
            }

            Complete(outcome);
        }

        // Until there is something to wait for that has not happened yet, or an outcome. Once it waits, this may be completed at any moment.
        private Outcome Wait()
        {
            while (true)
            {
                _channel.ForgetReceived();
                var waiting = _channel.WaitToReceiveCoreAsync(_cancellationToken).ConfigureAwait(false).GetAwaiter();
                if (!waiting.IsCompleted)
                {
                    _waiting = waiting;
                    waiting.UnsafeOnCompleted(_onWoken);
                    return Outcome.Nothing;
                }

                var outcome = Look(waiting.GetResult());
                if (outcome != Outcome.Nothing)
                {
                    return outcome;
                }
            }
        }

        private Outcome Look(bool mayHaveMore)
        {
            var channel = _channel;
            if ((!channel._received.IsEmpty || channel.TryFill()) && !channel._lifetime.IsInputDropped)
            {
                if (_takes)
                {
                    _message = channel._received.Take(channel._loan);
                }

                return Outcome.Message;
            }

            if (!mayHaveMore)
            {
                channel.EndInput();
                return Outcome.End;
            }

            return channel.HasInputEnded() ? Outcome.End : Outcome.Nothing;
        }

        // Outside any handler: a receiver's code runs in here.
        private void Complete(Outcome outcome)
        {
            switch (outcome)
            {
                case Outcome.Message:
                    Leave();
                    _core.SetResult(true);
                    break;
                case Outcome.End:
                    Leave();
                    _ = TellEndAsync();
                    break;
                default:
                    break;
            }
        }

        private void Fail(Exception error)
        {
            if (error is OperationCanceledException && _cancellationToken.IsCancellationRequested)
            {
                Leave();
                _core.SetException(error);
                return;
            }

            _channel.FaultReceive(error);
            Leave();
            _ = TellEndAsync();
        }

        // From here on the next receive may begin, with an operation of its own.
        private void Leave() => _channel._receiveGate.Exit();

        private async Task TellEndAsync()
        {
            try
            {
                await _channel.TellEndAsync(_cancellationToken).ConfigureAwait(false);
            }
            catch (Exception e)
            {
                _core.SetException(e);
                return;
            }

            _core.SetResult(false);
        }
    }
}
