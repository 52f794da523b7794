namespace Transports.Engine;

/// <content>Whose thread writes: a sender's, a receiver's, or one of the pool that was asked for.</content>
internal sealed partial class WriteLoop : ISendQueueConsumer, IThreadPoolWorkItem
{
    bool ISendQueueConsumer.OnAdded()
    {
        AssertGate();
        _queue.IsConsumerIdle = false;
        if (_inlineAllowed && !_sink.HasUnreadInput)
        {
            _inlineAllowed = false;
            _state = State.Running;
            return true;
        }

        _state = State.Queued;
        Ask();
        return false;
    }

    bool ISendQueueConsumer.TryTakeOver()
    {
        AssertGate();
        if (_state != State.Queued)
        {
            return false;
        }

        // The buffer is full and no thread has come for it yet: writing it here is cheaper than waiting for one.
        _state = State.Running;
        _isLate = true;
        return true;
    }

    void ISendQueueConsumer.Run() => Run(onCallersThread: true);

    void ISendQueueConsumer.OnFailed()
    {
        AssertGate();
        if (_state != State.Running && !_queue.IsSerializing)
        {
            BecomeIdle();
        }
    }

    void IThreadPoolWorkItem.Execute()
    {
        var seen = -1;
        for (var turns = 0; ; turns++)
        {
            lock (_queue.Gate)
            {
                var filled = _queue.Filling.Length;
                if (_state == State.Queued && _isLate && turns < MaxTurns && filled != seen)
                {
                    // Last time a sender or a receiver wrote before this thread came, and more is being added: what there is now would only be a small write
                    // between two large ones.
                    seen = filled;
                }
                else
                {
                    _isAsked = false;
                    if (_state != State.Queued)
                    {
                        // A receiver about to wait, a flush or a sender ran it already.
                        return;
                    }

                    _isLate = false;
                    _state = State.Running;
                    break;
                }
            }

            Thread.Yield();
        }

        Run(onCallersThread: false);
    }

    // A thread that was asked for and has not come yet comes for this too.
    private void Ask()
    {
        AssertGate();
        if (!_isAsked)
        {
            _isAsked = true;
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        }
    }
}
