using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;
using Transports.Extensibility;
using Transports;

namespace CustomTransport;

/// <summary>A channel whose messages are packets of a connected SOCK_SEQPACKET socket.</summary>
/// <remarks>
/// Sending is the engine's <see cref="SendQueue"/>; reading is one loop, which runs whether anybody receives or not, so that the peer's end is seen.
/// The loop ends with the socket: at the peer's goodbye, when the peer is gone, or when this side has released it.
/// </remarks>
internal sealed class PacketMessageChannel : MessageChannelBase, IFrameSink, IInPlaceSerializer
{
    private readonly Socket _socket;
    private readonly PacketInbox _inbox;
    private readonly SendQueue _queue;
    private readonly Task _reading;
    private int _released;

    public PacketMessageChannel(Socket socket, MessageChannelContext context)
        : base(context)
    {
        _socket = socket;
        _inbox = new PacketInbox(Options);
        _queue = new SendQueue(new PacketCodec(), this, Options, MaxMessageSize);
        _reading = Task.Run(ReadAsync);
    }

    // snippet: sink
    // Something was received and not answered yet: a write may wait a moment for the answer. A hint.
    bool IFrameSink.HasUnreadInput => _inbox.HasMessages;

    // Packets must not be cut.
    bool IFrameSink.NeedsWholeFrames => true;

    async ValueTask IFrameSink.WriteAsync(ReadOnlyMemory<byte> frames)
    {
        while (!frames.IsEmpty)
        {
            var length = BinaryPrimitives.ReadInt32BigEndian(frames.Span);
            await SendPacketAsync(frames.Slice(PacketCodec.LengthSize, length)).ConfigureAwait(false);
            frames = frames[(PacketCodec.LengthSize + length)..];
        }
    }

    Exception IFrameSink.OnWriteFailed(Exception error)
    {
        var info = Lost(error);
        if (!IsPeerGone(error))
        {
            Terminate(info);
        }

        // Otherwise sending alone has ended: what the peer sent before it went, its goodbye too, is still in the socket, and the loop comes to it.
        return new MessageChannelClosedException(info);
    }
    // end snippet

    // snippet: sending-core
    public ValueTask SendAsync<T>(T value, IMessageSerializer<T> serializer, CancellationToken cancellationToken = default)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled(cancellationToken);
        }

        return GetSendError() is { } error ? ValueTask.FromException(error) : _queue.SendAsync(value, serializer, cancellationToken);
    }

    public bool TrySend<T>(T value, IMessageSerializer<T> serializer)
    {
        ArgumentNullException.ThrowIfNull(serializer);
        return GetSendError() is { } error ? throw error : _queue.TrySend(value, serializer);
    }

    protected override ValueTask SendCoreAsync(in Message message, CancellationToken cancellationToken) => _queue.SendAsync(message, cancellationToken);

    protected override bool TrySendCore(in Message message) => _queue.TrySend(message);

    protected override ValueTask SendBatchCoreAsync(ReadOnlyMemory<Message> batch, CancellationToken cancellationToken) => _queue.SendAsync(batch, cancellationToken);

    protected override ValueTask FlushCoreAsync(CancellationToken cancellationToken) => _queue.FlushAsync(cancellationToken);
    // end snippet

    // snippet: receiving-core
    protected override bool ReceiveCore(ref ReceivedMessages messages) => _inbox.TryTake(ref messages);

    protected override ValueTask<bool> WaitToReceiveCoreAsync(CancellationToken cancellationToken)
    {
        // The peer may be waiting for what lies in the buffer; and what is sent next is likely an answer.
        _queue.FlushBeforeWaiting();
        _queue.NoteRead();
        return _inbox.WaitAsync(hasEnded: CloseInfo is not null, cancellationToken);
    }

    protected override void OnClosing() => _inbox.Wake();

    protected override void ReleaseReceiveCore(bool abandon) => _inbox.Release(abandon);
    // end snippet

    // snippet: ending-core
    protected override async ValueTask CompleteSendingCoreAsync()
    {
        // Senders that wait for room are served; none can join them.
        _queue.Refuse(GetSendError() ?? ClosedException(), alsoWaiting: false);
        await _queue.FlushAllAsync(CancellationToken.None).ConfigureAwait(false);
        try
        {
            await SendPacketAsync(new[] { (byte)PacketKind.Finished }).ConfigureAwait(false);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            throw new MessageChannelClosedException(CloseInfo ?? Lost(e));
        }
    }

    protected override async ValueTask CloseCoreAsync(ChannelCloseInfo info, CancellationToken cancellationToken)
    {
        _queue.Refuse(ClosedException(), alsoWaiting: true);
        _queue.TryClose(info, peerClose: null);
        try
        {
            await _queue.FlushAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (MessageChannelClosedException)
        {
            // The peer has gone first. Its goodbye, behind what it sent, says how.
            await _reading.WaitAsync(cancellationToken).ConfigureAwait(false);
            throw;
        }

        _queue.Fail(ClosedException());
        Release();

        // In this side's name, also where it answers a peer that has finished sending: that one's own goodbye may still be on its way, and say something else.
        Terminate(info, abort: false);
    }

    protected override void AbortCore(ChannelCloseInfo info)
    {
        _queue.Fail(new MessageChannelClosedException(info));
        Release();
    }
    // end snippet

    private static bool IsPeerGone(Exception error) => error is SocketException { SocketErrorCode: SocketError.Shutdown or SocketError.ConnectionReset };

    private static ChannelCloseInfo Lost(Exception? error) => error is TimeoutException
        ? new ChannelCloseInfo(ChannelCloseStatus.TimedOut, IsRemote: false, "The peer has taken no packet for SendTimeout.", Exception: error)
        : new ChannelCloseInfo(ChannelCloseStatus.ConnectionLost, IsRemote: true, ProtocolErrorCode: (long?)(error as SocketException)?.SocketErrorCode, Exception: error);

    private static ChannelCloseInfo Broken(string what) => new(ChannelCloseStatus.ProtocolError, IsRemote: false, what, Exception: new MessageFramingException(what));

    // Gives the socket up; a pending read and a pending send end. What was handed on still arrives.
    private void Release()
    {
        if (Interlocked.Exchange(ref _released, 1) == 0)
        {
            _socket.Dispose();
        }
    }

    private async ValueTask SendPacketAsync(ReadOnlyMemory<byte> packet)
    {
        var sending = _socket.SendAsync(packet, SocketFlags.None);
        if (sending.IsCompleted)
        {
            await sending.ConfigureAwait(false);
            return;
        }

        Task task = sending.AsTask();
        try
        {
            await task.WaitAsync(Options.SendTimeout, Options.TimeProvider).ConfigureAwait(false);
        }
        catch (TimeoutException e)
        {
            // The packet's memory is the queue's again when this returns, so the send must have ended; without its socket it does.
            Terminate(Lost(e));
            await task.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            throw;
        }
    }

    // snippet: watch
    private async Task ReadAsync()
    {
        // One byte more than any packet may have, so that a longer one shows.
        var size = PacketCodec.KindSize + MaxMessageSize + 1;
        var packet = Options.BufferPool.Rent(size);
        var wasReset = false;
        try
        {
            while (true)
            {
                int length;
                try
                {
                    length = await _socket.ReceiveAsync(packet.AsMemory(0, size), SocketFlags.None).ConfigureAwait(false);
                }
                catch (SocketException e) when (IsPeerGone(e) && !wasReset)
                {
                    // Said once, before the packets that the peer sent before it went; they are still there.
                    wasReset = true;
                    continue;
                }

                if (!Take(packet.AsSpan(0, length)))
                {
                    return;
                }

                await _inbox.WaitForRoomAsync().ConfigureAwait(false);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            Lose(e);
        }
        finally
        {
            Options.BufferPool.Return(packet);
        }
    }
    // end snippet

    // A close under way ends the channel itself: a peer that has read our goodbye is gone before our flush has told us.
    private void Lose(Exception? error)
    {
        if (!IsClosing)
        {
            Terminate(Lost(error));
        }
    }

    // Returns false at the end of the input. Terminate keeps the first end only, and what has arrived is received before it is told.
    private bool Take(ReadOnlySpan<byte> packet)
    {
        if (packet.IsEmpty)
        {
            // Without a goodbye.
            Lose(null);
            return false;
        }

        var content = packet[PacketCodec.KindSize..];
        switch ((PacketKind)packet[0])
        {
            case PacketKind.Binary or PacketKind.Text when content.Length > MaxMessageSize:
                var error = new MessageTooLargeException(content.Length, MaxMessageSize);
                Terminate(new ChannelCloseInfo(ChannelCloseStatus.MessageTooLarge, IsRemote: false, error.Message, Exception: error), error);
                return false;
            case PacketKind.Binary or PacketKind.Text:
                _inbox.Add((MessageKind)packet[0], content);
                return true;
            case PacketKind.Finished:
                _inbox.Finish();
                return true;
            case PacketKind.Close when content.Length > 0 && Enum.IsDefined((ChannelCloseStatus)content[0]):
                var why = Encoding.UTF8.GetString(content[1..]);
                Terminate(new ChannelCloseInfo((ChannelCloseStatus)content[0], IsRemote: true, why.Length == 0 ? null : why));
                return false;
            default:
                var broken = Broken($"A packet of the kind {packet[0]} came. The peer speaks something else.");
                Terminate(broken, broken.Exception);
                return false;
        }
    }
}
