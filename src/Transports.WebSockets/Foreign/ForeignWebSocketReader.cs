using System.Net.WebSockets;
using System.Text.Unicode;

namespace Transports.WebSockets;

/// <summary>Receives from the WebSocket, ahead of its receiver up to a bound, so that pings are answered and ends seen while nobody receives. No token reaches the WebSocket.</summary>
/// <remarks>
/// <code>
/// reading  --the bound is reached, or a message is over the limit--> paused
/// paused   --a message was taken-->  reading
/// any      --Drop-->  dropping  what comes is read and forgotten, until the peer's close or failure
/// reading, dropping --close, failure--> over
/// </code>
/// A message that was taken lies in memory of its own until the next is asked for.
/// </remarks>
internal sealed class ForeignWebSocketReader(WebSocket webSocket, MessageChannelOptions options, int maxMessageSize)
{
    private const int ReadSize = 4096;

    private readonly Lock _gate = new();
    private readonly Queue<(PooledBufferWriter Payload, MessageKind Kind)> _arrived = new();
    private readonly AsyncAutoResetSignal _signal = new(runContinuationsAsynchronously: true);
    private readonly AsyncAutoResetSignal _room = new(runContinuationsAsynchronously: true);
    private readonly TaskCompletionSource _over = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private PooledBufferWriter? _lent;
    private Exception? _fault;
    private long _held;
    private bool _dropping;

    /// <summary>Completes when nothing more will come from the WebSocket.</summary>
    public Task Over => _over.Task;

    /// <summary>This side receives no more.</summary>
    public bool IsDropping => Volatile.Read(ref _dropping);

    /// <summary>Something has arrived that was not taken. A hint.</summary>
    public bool HasUnread => Volatile.Read(ref _held) > 0;

    /// <summary>Reads until the peer closes.</summary>
    /// <returns>How it did.</returns>
    public async Task<ChannelCloseInfo> ReadAsync()
    {
        var incoming = new PooledBufferWriter(options.BufferPool);
        var isInsideMessage = false;
        try
        {
            while (true)
            {
                var result = await webSocket.ReceiveAsync(incoming.GetMemory(ReadSize), CancellationToken.None).ConfigureAwait(false);
                if (result.MessageType == WebSocketMessageType.Close)
                {
                    return CloseCode.Describe(
                        (int)(webSocket.CloseStatus ?? (WebSocketCloseStatus)CloseCode.NoStatus),
                        string.IsNullOrEmpty(webSocket.CloseStatusDescription) ? null : webSocket.CloseStatusDescription,
                        isInsideMessage);
                }

                isInsideMessage = !result.EndOfMessage;
                if (IsDropping)
                {
                    incoming.Clear(ReadSize);
                    continue;
                }

                incoming.Advance(result.Count);
                var isTooLarge = incoming.Count > maxMessageSize;
                if (!isTooLarge && !result.EndOfMessage)
                {
                    continue;
                }

                if (Put(incoming, result.MessageType, isTooLarge))
                {
                    incoming = new PooledBufferWriter(options.BufferPool);
                }
                else
                {
                    incoming.Clear();
                }

                _signal.Set();
                while (MustPause())
                {
                    await _room.WaitAsync(CancellationToken.None).ConfigureAwait(false);
                }
            }
        }
        finally
        {
            incoming.Clear();
        }
    }

    /// <summary>What <see cref="ReadAsync"/> found was acted on.</summary>
    public void Finish()
    {
        _over.TrySetResult();
        _signal.Set();
    }

    /// <summary>Takes the next message. For the receiver; the one taken before is over.</summary>
    /// <exception cref="MessageTooLargeException">Behind the messages before it.</exception>
    /// <exception cref="MessageFramingException">A text is not valid UTF-8.</exception>
    public bool TryTake(ref ReceivedMessages messages)
    {
        MessageKind kind;
        lock (_gate)
        {
            ReleaseLent(abandon: false);
            if (!_arrived.TryDequeue(out var next))
            {
                return _fault is null ? false : throw _fault;
            }

            (_lent, kind) = next;
            _held -= SizeOf(_lent);
        }

        _room.Set();
        if (kind == MessageKind.Text && !Utf8.IsValid(_lent.WrittenSpan))
        {
            throw new InvalidPayloadException("A WebSocket text message is not valid UTF-8 (RFC 6455, section 8.1).");
        }

        messages.Set(_lent.WrittenMemory, kind);
        return true;
    }

    /// <summary>Waits until <see cref="TryTake"/> may find something. For the receiver.</summary>
    /// <returns><see langword="false"/> when nothing will come.</returns>
    public async ValueTask<bool> WaitAsync(CancellationToken cancellationToken)
    {
        if (!HasUndelivered() && !Over.IsCompleted)
        {
            await _signal.WaitAsync(cancellationToken).ConfigureAwait(false);
        }

        return HasUndelivered() || !Over.IsCompleted;
    }

    /// <summary>Ends a wait.</summary>
    public void Wake() => _signal.Set();

    /// <summary>This side receives no more: gives memory back. What still comes is read and forgotten.</summary>
    /// <param name="abandon">The message taken last may still be looked at.</param>
    public void Drop(bool abandon)
    {
        lock (_gate)
        {
            Volatile.Write(ref _dropping, true);
            ReleaseLent(abandon);
            while (_arrived.TryDequeue(out var left))
            {
                left.Payload.Clear();
            }

            _held = 0;
        }

        _room.Set();
    }

    // What a message keeps from others: a short one its whole memory.
    private static long SizeOf(PooledBufferWriter payload) => Math.Max(ReadSize, payload.Count);

    // Returns false when the memory stays with the caller.
    private bool Put(PooledBufferWriter payload, WebSocketMessageType type, bool isTooLarge)
    {
        lock (_gate)
        {
            if (isTooLarge)
            {
                _fault ??= new MessageTooLargeException(payload.Count, maxMessageSize);
            }

            if (isTooLarge || _dropping)
            {
                return false;
            }

            _held += SizeOf(payload);
            _arrived.Enqueue((payload, type == WebSocketMessageType.Text ? MessageKind.Text : MessageKind.Binary));
            return true;
        }
    }

    private bool MustPause()
    {
        lock (_gate)
        {
            return !_dropping && (_fault is not null || _held >= options.ReceiveBufferSize);
        }
    }

    private bool HasUndelivered()
    {
        lock (_gate)
        {
            return _arrived.Count > 0 || _fault is not null;
        }
    }

    private void ReleaseLent(bool abandon)
    {
        if (abandon)
        {
            _lent?.Abandon();
        }
        else
        {
            _lent?.Clear();
        }

        _lent = null;
    }
}
