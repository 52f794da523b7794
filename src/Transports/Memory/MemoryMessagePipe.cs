using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace Transports;

/// <summary>One direction of an in-memory connection: senders append to one buffer under a short lock while the receiver reads another.</summary>
/// <remarks>
/// <para>The receiver swaps the two when its own is exhausted, so each message is copied once and the lock is taken by the
/// receiver once a buffer, not once a message. A message stands in a buffer as four bytes (its length and, in the lowest bit,
/// its kind) and the payload.</para>
/// <para><b>Bound</b>: a sender waits while its bytes would take the filling buffer over the limit, unless that buffer is empty.
/// The receiver admits waiting senders, first in, first out, when it swaps.</para>
/// <para><b>Memory</b>: rented with the first message and kept until the end, as both ends work on different threads and a
/// pool would only move arrays between them; a buffer that one large message had grown is given back when it was read.</para>
/// </remarks>
internal sealed class MemoryMessagePipe : ISendQueue
{
    private const int HeaderSize = sizeof(uint);

    private readonly Lock _gate = new();
    private readonly int _limit;
    private readonly int _maxMessageSize;

    // The receiver's code must not run on a sender's thread, which may hold any lock of the application.
    private readonly ReceiveSignal _signal = new(runContinuationsAsynchronously: true);

    // Guarded by the gate, but for the buffer being read and the position in it, which are the receiver's.
    private FrameBuffer _filling;
    private FrameBuffer _reading;
    private int _position;
    private SendWaiterList _waiters;
    private MessageSendWaiter? _spareWaiter;
    private bool _receiverWaits;
    private bool _serializing;
    private bool _dropped;
    private bool _completed;
    private Exception? _failure;

    public MemoryMessagePipe(MessageChannelOptions options, int maxMessageSize)
    {
        _limit = options.SendBufferSize;
        _maxMessageSize = maxMessageSize;
        _filling = new FrameBuffer(options.BufferPool);
        _reading = new FrameBuffer(options.BufferPool);
    }

    /// <summary>Nothing is left to be received, now.</summary>
    public bool IsDrained
    {
        get
        {
            lock (_gate)
            {
                return _filling.Length == 0 && _waiters.IsEmpty && Volatile.Read(ref _position) == _reading.Length;
            }
        }
    }

    public ValueTask SendAsync(MemoryMessageChannel sender, in Message message, CancellationToken cancellationToken)
    {
        var size = message.Length + HeaderSize;
        bool wake;
        lock (_gate)
        {
            if (Refusal(sender) is { } refusal)
            {
                return ValueTask.FromException(refusal);
            }

            if (!HasRoom(size))
            {
                var waiter = RentWaiter();
                waiter.Set(message, size);
                return Enqueue(waiter, cancellationToken);
            }

            try
            {
                WriteFrame(message);
            }
            catch (Exception e)
            {
                return ValueTask.FromException(e);
            }

            wake = TakeReceiverWaits();
        }

        Wake(wake);
        return ValueTask.CompletedTask;
    }

    public ValueTask SendAsync(MemoryMessageChannel sender, ReadOnlyMemory<Message> batch, CancellationToken cancellationToken)
    {
        long size = 0;
        foreach (ref readonly var message in batch.Span)
        {
            size += message.Length + HeaderSize;
        }

        bool wake;
        lock (_gate)
        {
            if (Refusal(sender) is { } refusal)
            {
                return ValueTask.FromException(refusal);
            }

            if (!HasRoom(size))
            {
                var waiter = RentWaiter();
                waiter.Set(batch, size);
                return Enqueue(waiter, cancellationToken);
            }

            try
            {
                WriteFrames(batch.Span);
            }
            catch (Exception e)
            {
                return ValueTask.FromException(e);
            }

            wake = TakeReceiverWaits();
        }

        Wake(wake);
        return ValueTask.CompletedTask;
    }

    public ValueTask SendAsync<T>(MemoryMessageChannel sender, T value, IMessageSerializer<T> serializer, CancellationToken cancellationToken)
    {
        bool wake;
        lock (_gate)
        {
            if (Refusal(sender) is { } refusal)
            {
                return ValueTask.FromException(refusal);
            }

            if (!HasRoom(1))
            {
                return Enqueue(new SerializedSendWaiter<T>(value, serializer), cancellationToken);
            }

            try
            {
                WriteSerialized(value, serializer);
            }
            catch (Exception e)
            {
                return ValueTask.FromException(e);
            }

            wake = TakeReceiverWaits();
        }

        Wake(wake);
        return ValueTask.CompletedTask;
    }

    /// <summary>No more messages will be sent. Those of senders already waiting still are.</summary>
    public void Complete()
    {
        bool wake;
        lock (_gate)
        {
            _completed = true;
            wake = TakeReceiverWaits();
        }

        Wake(wake);
    }

    /// <summary>Refuses senders, those waiting too; what was accepted can be received. The receiver is not told.</summary>
    public void RefuseSenders(Exception refusal)
    {
        SendWaiter? waiters;
        lock (_gate)
        {
            _failure ??= refusal;
            waiters = _waiters.TakeAll(refusal);
        }

        SendWaiterList.CompleteAll(waiters);
    }

    /// <summary>Nobody will receive any more: drops what was sent and refuses the rest.</summary>
    /// <param name="refusal">What senders get.</param>
    public void Drop(Exception refusal)
    {
        SendWaiter? waiters;
        lock (_gate)
        {
            _completed = true;
            _failure ??= refusal;
            waiters = _waiters.TakeAll(refusal);

            // What is lent from the other buffer stays until the receiver lets go of it.
            DropFilling();
        }

        SendWaiterList.CompleteAll(waiters);
        WakeReceiver();
    }

    /// <summary>For the receiver, after <see cref="Drop"/> or the end: gives all memory back.</summary>
    public void ReleaseReceiver()
    {
        lock (_gate)
        {
            DropFilling();
            _reading.Release();
            _position = 0;
        }
    }

    public void WakeReceiver() => _signal.Set();

    public bool TryRead(out ReadOnlySequence<byte> payload, out MessageKind kind)
    {
        if (_position == _reading.Length && !Swap())
        {
            payload = default;
            kind = default;
            return false;
        }

        var memory = _reading.WrittenMemory;
        var header = BinaryPrimitives.ReadUInt32LittleEndian(memory.Span[_position..]);
        var length = (int)(header >> 1);
        kind = (MessageKind)(header & 1);
        payload = new ReadOnlySequence<byte>(memory.Slice(_position + HeaderSize, length));
        Volatile.Write(ref _position, _position + HeaderSize + length);
        return true;
    }

    /// <summary>Tells what a receiver that found nothing finds now.</summary>
    public ReceiveOutlook PrepareToWait()
    {
        lock (_gate)
        {
            if (_filling.Length > 0 || _position < _reading.Length)
            {
                return ReceiveOutlook.Ready;
            }

            if (_completed)
            {
                return ReceiveOutlook.Finished;
            }

            _receiverWaits = true;
            return ReceiveOutlook.Waiting;
        }
    }

    /// <summary>Waits until there may be something new; after <see cref="PrepareToWait"/> said so. Always returns true.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<bool> WaitAsync(CancellationToken cancellationToken)
    {
        await _signal.WaitAsync(cancellationToken).ConfigureAwait(false);
        return true;
    }

    public void WriteFrame(in Message message)
    {
        // Read before the header is written: a stale loan throws here.
        var payload = message.Payload;
        var length = (int)payload.Length;
        var span = _filling.Append(HeaderSize + length);
        WriteHeader(span, length, message.Kind);
        payload.CopyTo(span[HeaderSize..]);
    }

    public void WriteFrames(ReadOnlySpan<Message> batch)
    {
        var start = _filling.Length;
        try
        {
            foreach (ref readonly var message in batch)
            {
                WriteFrame(message);
            }
        }
        catch
        {
            _filling.Length = start;
            throw;
        }
    }

    public void WriteSerialized<T>(T value, IMessageSerializer<T> serializer)
    {
        var buffer = _filling;
        var start = buffer.Length;
        _serializing = true;
        try
        {
            buffer.Append(HeaderSize);
            serializer.Serialize(value, buffer);
            var length = buffer.Length - start - HeaderSize;
            if (length > _maxMessageSize)
            {
                throw new MessageTooLargeException(length, _maxMessageSize);
            }

            WriteHeader(buffer.WrittenSpan[start..], length, serializer.Kind);
            if (_failure is { } failure)
            {
                throw failure;
            }
        }
        catch
        {
            buffer.Length = start;
            throw;
        }
        finally
        {
            _serializing = false;
            if (_dropped)
            {
                // The serializer ended the channel it wrote to; only now is the memory nobody's.
                buffer.Release();
            }
        }
    }

    public bool TryRemove(SendWaiter waiter)
    {
        lock (_gate)
        {
            if (!waiter.IsQueued)
            {
                return false;
            }

            _waiters.Remove(waiter);
            return true;
        }
    }

    // One spare is enough for the usual lone sender; more waiting at once allocate.
    public void Recycle(MessageSendWaiter waiter) => Volatile.Write(ref _spareWaiter, waiter);

    // Under the gate. A serializer that ends its own channel is still writing there.
    private void DropFilling()
    {
        _dropped = true;
        if (!_serializing)
        {
            _filling.Release();
        }
    }

    private static void WriteHeader(Span<byte> destination, int length, MessageKind kind)
        => BinaryPrimitives.WriteUInt32LittleEndian(destination, ((uint)length << 1) | (uint)kind);

    private bool Swap()
    {
        SendWaiter? admitted = null;
        lock (_gate)
        {
            // Its messages were read and their loans are over.
            if (_reading.Length > _limit + HeaderSize)
            {
                _reading.Release();
            }

            _reading.Length = 0;
            _position = 0;
            if (_filling.Length > 0)
            {
                (_filling, _reading) = (_reading, _filling);
            }

            if (!_waiters.IsEmpty)
            {
                admitted = Admit();
                if (_reading.Length == 0 && _filling.Length > 0)
                {
                    (_filling, _reading) = (_reading, _filling);
                }
            }
        }

        SendWaiterList.CompleteAll(admitted);
        return _reading.Length > 0;
    }

    private SendWaiter? Admit() => _waiters.Admit(this, _filling, _limit);

    private Exception? Refusal(MemoryMessageChannel sender)
    {
        if (_serializing)
        {
            // The gate is re-entrant, so only the serializer's own thread gets here.
            return new InvalidOperationException("A serializer must not use the channel it writes to.");
        }

        return _failure ?? sender.SendRefusal();
    }

    private bool HasRoom(long size) => _waiters.IsEmpty && (_filling.Length == 0 || _filling.Length + size <= _limit);

    private MessageSendWaiter RentWaiter() => Interlocked.Exchange(ref _spareWaiter, null) ?? new MessageSendWaiter();

    private ValueTask Enqueue(SendWaiter waiter, CancellationToken cancellationToken)
    {
        var waiting = waiter.Begin(this);
        _waiters.Add(waiter);

        // Under the gate, which a callback that runs at once enters again: the gate is re-entrant, and the waiter is queued.
        waiter.ListenTo(cancellationToken);
        return waiting;
    }

    private bool TakeReceiverWaits()
    {
        var waits = _receiverWaits;
        _receiverWaits = false;
        return waits;
    }

    private void Wake(bool wake)
    {
        if (wake)
        {
            _signal.Set();
        }
    }
}
