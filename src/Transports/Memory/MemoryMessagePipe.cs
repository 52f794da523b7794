using System.Diagnostics;

namespace Transports.Engine;

/// <summary>One direction of an in-memory connection: senders fill one buffer under a short lock while the receiver reads another.</summary>
/// <remarks>
/// <para>The receiver swaps the two when its own is exhausted, so each message is copied once and the lock is taken by the
/// receiver once a buffer, not once a message.</para>
/// <para><b>Bound</b>: as <see cref="SendQueue"/> has it. The receiver admits waiting senders, first in, first out, when it swaps.</para>
/// <para><b>Memory</b>: rented with the first message and kept until the end, as both ends work on different threads and a
/// pool would only move arrays between them; a buffer that one large message had grown is given back when it was read.</para>
/// </remarks>
internal sealed class MemoryMessagePipe : ISendQueueConsumer
{
    private readonly SendQueue _queue;
    private readonly int _limit;

    // The receiver's code must not run on a sender's thread, which may hold any lock of the application.
    private readonly AsyncAutoResetSignal _signal = new(runContinuationsAsynchronously: true);

    // The receiver's.
    private OutputBuffer _reading;
    private CodecRead _read;
    private int _position;

    // Under the queue's gate.
    private bool _completed;

    public MemoryMessagePipe(MessageChannelOptions options, int maxMessageSize)
    {
        _limit = options.SendBufferSize;
        _reading = new OutputBuffer(options.BufferPool);
        _queue = new SendQueue(new MemoryCodec(), this, options, maxMessageSize) { IsConsumerIdle = false };
    }

    public SendQueue Queue => _queue;

    /// <summary>Nothing is left to be received, now.</summary>
    public bool IsDrained
    {
        get
        {
            lock (_queue.Gate)
            {
                return !_queue.HasPending && Volatile.Read(ref _position) == _reading.Length;
            }
        }
    }

    /// <summary>No more messages will be sent. Those of senders already waiting still are.</summary>
    public void Complete()
    {
        lock (_queue.Gate)
        {
            Volatile.Write(ref _completed, true);
            _queue.IsConsumerIdle = false;
        }

        _signal.Set();
    }

    /// <summary>Nobody will receive any more: drops what was sent and refuses the rest.</summary>
    /// <param name="refusal">What senders get.</param>
    public void Drop(Exception refusal)
    {
        lock (_queue.Gate)
        {
            Volatile.Write(ref _completed, true);
        }

        // What is lent from the other buffer stays until the receiver lets go of it.
        _queue.Fail(refusal);
        _signal.Set();
    }

    /// <summary>For the receiver's end, after <see cref="Drop"/>: gives all memory back.</summary>
    /// <param name="abandon">A message in it may still be looked at.</param>
    public void ReleaseReceiver(bool abandon)
    {
        _position = 0;
        if (abandon)
        {
            _reading.Abandon();
        }
        else
        {
            _reading.Release();
        }
    }

    public void WakeReceiver() => _signal.Set();

    public bool TryRead(ref ReceivedMessages messages)
    {
        if (_position == _reading.Length && !Swap())
        {
            return false;
        }

        var start = _position;
        _read.Frames ??= new MessageFrame[CodecRead.MaxMessages];
        _read.Clear(scanned: 0);
        _queue.Codec.Read(_reading.WrittenArray.AsMemory(start, _reading.Length - start), ref _read);
        messages.Set(_reading.WrittenArray, start, _read.Frames, _read.Count);
        Volatile.Write(ref _position, start + _read.Consumed);
        return true;
    }

    /// <summary>Waits until there may be something new. For a receiver that has just found nothing.</summary>
    /// <returns><see langword="false"/> when nothing is left, and nothing will come.</returns>
    public ValueTask<bool> WaitAsync(CancellationToken cancellationToken)
    {
        if (Volatile.Read(ref _completed) && IsDrained)
        {
            return new ValueTask<bool>(false);
        }

        return _signal.WaitToReceiveAsync(cancellationToken);
    }

    bool ISendQueueConsumer.OnAdded()
    {
        Debug.Assert(_queue.Gate.IsHeldByCurrentThread, "Called under the gate.");
        _queue.IsConsumerIdle = false;
        return true;
    }

    bool ISendQueueConsumer.TryTakeOver() => false;

    void ISendQueueConsumer.Run() => _signal.Set();

    void ISendQueueConsumer.OnFailed()
    {
        Debug.Assert(_queue.Gate.IsHeldByCurrentThread, "Called under the gate.");
        if (!_queue.IsSerializing)
        {
            _queue.Filling.Release();
        }
    }

    private bool Swap()
    {
        PooledWaiter? admitted;
        lock (_queue.Gate)
        {
            if (_queue.IsFailed)
            {
                return false;
            }

            // Its messages were read and their loans are over.
            if (_reading.Length > 2 * _limit)
            {
                _reading.Release();
            }

            _reading.Length = 0;
            _position = 0;
            admitted = _queue.Swap(ref _reading);
            if (_reading.Length == 0 && admitted is not null)
            {
                // What those wrote who had waited for an empty buffer.
                _queue.Swap(ref _reading);
            }

            // A receiver that finds nothing waits next, or asks again: it is to be woken, unless nobody will.
            _queue.IsConsumerIdle = _reading.Length == 0 && !_completed;
        }

        WaiterList.CompleteAll(admitted);
        return _reading.Length > 0;
    }
}
