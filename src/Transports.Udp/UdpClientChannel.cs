using System.Buffers;
using System.Net.Sockets;
using System.Runtime.CompilerServices;

namespace Transports;

/// <summary>A client's channel over a connected socket. Receiving pulls from the socket, whose own buffer is the queue.</summary>
internal sealed class UdpClientChannel : UdpMessageChannel, ISerializingChannel
{
    private readonly Socket _socket;
    private readonly DatagramReader _reader;
    private readonly ReceiveSignal _signal = new();
    private readonly Lock _readGate = new();
    private bool _readPending;
    private bool _releaseWhenRead;
    private bool _stopped;
    private volatile bool _readDone;

    public UdpClientChannel(Socket socket, UdpTransportOptions options, MessageChannelContext context)
        : base(socket, peer: null, new UdpCounters(), options, context)
    {
        _socket = socket;
        _reader = new DatagramReader(socket, connected: true, options, OnReadable);
    }

    protected override bool HasBufferedInput => _reader.HasMore;

    public ValueTask SendAsync<T>(T value, IMessageSerializer<T> serializer, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(serializer);
        return cancellationToken.IsCancellationRequested
            ? ValueTask.FromCanceled(cancellationToken)
            : Sender.SendAsync(value, serializer, cancellationToken);
    }

    protected override bool TryReceiveCore(out ReadOnlySequence<byte> payload, out MessageKind kind)
    {
        kind = MessageKind.Binary;
        if (_readDone)
        {
            TakeReadResult();
        }

        while (_reader.TryTake(out var datagram, out var tooLarge))
        {
            if (tooLarge)
            {
                // A datagram may come from anybody who forges an address, so it cannot be allowed to end the channel.
                Counters.AddTooLarge();
                continue;
            }

            Counters.AddReceived(1, datagram.Length);
            payload = new ReadOnlySequence<byte>(datagram);
            return true;
        }

        payload = default;
        return false;
    }

    protected override ValueTask<bool> WaitToReceiveCoreAsync(CancellationToken cancellationToken)
    {
        Sender.FlushBeforeWaiting();
        Sender.NoteRead();

        // A caller that was cancelled may have left a read behind.
        return !_readPending && StartRead() ? new ValueTask<bool>(true) : WaitAsync(cancellationToken);
    }

    protected override void OnEnded() => _signal.Set();

    // A call in progress keeps the handle alive until it returns, so no other socket can get its number meanwhile.
    protected override void Forget()
    {
        // An abort may overtake a close and come here too, when the socket knows nothing any more.
        KernelDrops = DroppedByKernel;
        _socket.Dispose();
    }

    protected override void ReleaseReceiveCore()
    {
        lock (_readGate)
        {
            _stopped = true;
            if (_readPending && !_readDone)
            {
                _releaseWhenRead = true;
                return;
            }
        }

        _reader.Release();
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<bool> WaitAsync(CancellationToken cancellationToken)
    {
        await _signal.WaitAsync(cancellationToken).ConfigureAwait(false);
        return true;
    }

    // Returns true when a datagram came without waiting.
    private bool StartRead()
    {
        lock (_readGate)
        {
            if (_stopped)
            {
                return true;
            }

            _readPending = true;
        }

        try
        {
            if (!_reader.TryStartRead())
            {
                return false;
            }
        }
        catch (Exception e)
        {
            FinishRead();
            throw Failure(e);
        }

        FinishRead();
        return true;
    }

    private void TakeReadResult()
    {
        FinishRead();
        try
        {
            _reader.CompleteRead();
        }
        catch (Exception e)
        {
            throw Failure(e);
        }
    }

    private MessageChannelClosedException Failure(Exception error)
        => CloseInfo is not null || IsClosing ? ClosedException() : new MessageChannelClosedException(DescribeFailure(error));

    private void FinishRead()
    {
        lock (_readGate)
        {
            _readDone = false;
            _readPending = false;
        }
    }

    private void OnReadable()
    {
        lock (_readGate)
        {
            _readDone = true;
            if (_releaseWhenRead)
            {
                _reader.Release();
            }
        }

        _signal.Set();
    }
}
