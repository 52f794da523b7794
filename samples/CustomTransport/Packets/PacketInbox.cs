using System.Buffers.Binary;
using Transports.Extensibility;
using Transports;

namespace CustomTransport;

/// <summary>What has arrived and was not received: one buffer that the reading loop fills under a short lock, one that the receiver drains without it. They change places when the second is empty.</summary>
/// <remarks>The loop pauses at <see cref="MessageChannelOptions.ReceiveBufferSize"/> bytes; from there the kernel's buffer fills, and then the peer waits.</remarks>
internal sealed class PacketInbox(MessageChannelOptions options)
{
    private const int HeaderSize = sizeof(int) + 1;

    private readonly Lock _gate = new();

    // Neither side runs the other's code.
    private readonly AsyncAutoResetSignal _arrived = new(runContinuationsAsynchronously: true);
    private readonly AsyncAutoResetSignal _room = new(runContinuationsAsynchronously: true);

    // Under the gate.
    private OutputBuffer _filling = new(options.BufferPool);
    private bool _isFinished;
    private bool _isReleased;

    // The receiver's.
    private OutputBuffer _reading = new(options.BufferPool);
    private int _position;

    /// <summary>A hint.</summary>
    public bool HasMessages => _filling.Length > 0 || _position < _reading.Length;

    public void Add(MessageKind kind, ReadOnlySpan<byte> payload)
    {
        lock (_gate)
        {
            if (_isReleased)
            {
                return;
            }

            var frame = _filling.Append(HeaderSize + payload.Length);
            BinaryPrimitives.WriteInt32BigEndian(frame, payload.Length);
            frame[sizeof(int)] = (byte)kind;
            payload.CopyTo(frame[HeaderSize..]);
        }

        _arrived.Set();
    }

    /// <summary>The peer has finished: nothing follows.</summary>
    public void Finish()
    {
        lock (_gate)
        {
            _isFinished = true;
        }

        _arrived.Set();
    }

    /// <summary>For the loop: completes when there is room, or nobody will receive any more.</summary>
    public async ValueTask WaitForRoomAsync()
    {
        while (true)
        {
            lock (_gate)
            {
                if (_isReleased || _filling.Length < options.ReceiveBufferSize)
                {
                    return;
                }
            }

            await _room.WaitAsync(CancellationToken.None).ConfigureAwait(false);
        }
    }

    // snippet: receive-core
    public bool TryTake(ref ReceivedMessages messages)
    {
        if (_position == _reading.Length && !Swap())
        {
            return false;
        }

        var memory = _reading.WrittenMemory[_position..];
        var length = BinaryPrimitives.ReadInt32BigEndian(memory.Span);
        messages.Set(memory.Slice(HeaderSize, length), (MessageKind)memory.Span[sizeof(int)]);
        _position += HeaderSize + length;
        return true;
    }
    // end snippet

    /// <summary>For the receiver that found nothing.</summary>
    /// <param name="hasEnded">Whether the channel has: nothing is added any more.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    public async ValueTask<bool> WaitAsync(bool hasEnded, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            if (_filling.Length > 0)
            {
                return true;
            }

            if (_isFinished || hasEnded)
            {
                return false;
            }
        }

        await _arrived.WaitAsync(cancellationToken).ConfigureAwait(false);
        return true;
    }

    public void Wake() => _arrived.Set();

    // snippet: release
    public void Release(bool abandon)
    {
        lock (_gate)
        {
            _isReleased = true;
            _filling.Release();
        }

        // The loop goes on to the peer's end, and keeps nothing.
        _room.Set();
        _position = 0;
        if (abandon)
        {
            // A message that lies there is being looked at: the array is nobody's any more, and the pool is told.
            _reading.Abandon();
        }
        else
        {
            _reading.Release();
        }
    }
    // end snippet

    private bool Swap()
    {
        _position = 0;
        _reading.Length = 0;
        lock (_gate)
        {
            if (_filling.Length == 0)
            {
                // An idle channel holds no memory here.
                _reading.Release();
                return false;
            }

            (_filling, _reading) = (_reading, _filling);
        }

        _room.Set();
        return true;
    }
}
