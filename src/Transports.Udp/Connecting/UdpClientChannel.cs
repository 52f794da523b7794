using System.Diagnostics;
using System.Net.Sockets;

namespace Transports.Udp;

/// <summary>A client's channel over a connected socket. Receiving pulls from the socket, whose own buffer is the queue.</summary>
/// <remarks>
/// <list type="table">
/// <listheader><term>read</term><description>who owns the reader's buffer, and what comes next</description></listheader>
/// <item><term>None</term><description>The receiver, or whoever releases the channel. A receiver that finds nothing begins a read: Pending.</description></item>
/// <item><term>Pending</term><description>The socket. Its callback makes it Done. A receiver that was cancelled leaves it behind for the next one; a release leaves the buffer to the callback.</description></item>
/// <item><term>Done</term><description>The receiver: it takes the result, None. After a release nobody does.</description></item>
/// </list>
/// </remarks>
[DebuggerDisplay("{LocalAddress} with {RemoteAddress}, read: {_read}, closed: {Closed.IsCompleted}")]
internal sealed class UdpClientChannel : UdpMessageChannel, IInPlaceSerializer
{
    private readonly Socket _socket;
    private readonly DatagramReader _reader;
    private readonly AsyncAutoResetSignal _signal = new();
    private readonly Lock _readGate = new();

    // Changed under the gate; read without it by the receiver, for whom only Pending can change.
    private volatile ReadState _read;

    // Guarded by the gate.
    private bool _released;
    private bool _abandon;

    public UdpClientChannel(Socket socket, UdpTransportOptions options, MessageChannelContext context)
        : base(new DatagramWriter(socket, new UdpCounters(new KernelDropCounter(socket)), options), new UdpEndPoints(socket.LocalEndPoint, socket.RemoteEndPoint), options, context)
    {
        _socket = socket;
        _reader = new DatagramReader(socket, connected: true, options, OnReadable);
    }

    private enum ReadState
    {
        None,
        Pending,
        Done,
    }

    protected override bool HasBufferedInput => _reader.HasMore;

    public ValueTask SendAsync<T>(T value, IMessageSerializer<T> serializer, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(serializer);
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled(cancellationToken);
        }

        return GetSendError() is { } error ? ValueTask.FromException(error) : Queue.SendAsync(value, serializer, cancellationToken);
    }

    public bool TrySend<T>(T value, IMessageSerializer<T> serializer)
    {
        ArgumentNullException.ThrowIfNull(serializer);
        return GetSendError() is { } error ? throw error : Queue.TrySend(value, serializer);
    }

    protected override bool ReceiveCore(ref ReceivedMessages messages)
    {
        if (_read == ReadState.Done)
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
            messages.Set(datagram);
            return true;
        }

        return false;
    }

    protected override ValueTask<bool> WaitToReceiveCoreAsync(CancellationToken cancellationToken)
    {
        Queue.FlushBeforeWaiting();
        Queue.NoteRead();

        if (CloseInfo is not null && _read != ReadState.Pending)
        {
            // What has come is received before the end is told; nothing more comes.
            return new ValueTask<bool>(_read == ReadState.Done);
        }

        // A caller that was cancelled may have left a read behind.
        return _read == ReadState.None && StartRead() ? new ValueTask<bool>(true) : _signal.WaitToReceiveAsync(cancellationToken);
    }

    protected override void OnClosing()
    {
        _signal.RunContinuationsAsynchronously();
        _signal.Set();
    }

    // A call in progress keeps the handle alive until it returns, so no other socket can get its number meanwhile.
    protected override void Release()
    {
        Counters.KeepKernelDrops();
        _socket.Dispose();
    }

    protected override void ReleaseReceiveCore(bool abandon)
    {
        lock (_readGate)
        {
            _released = true;
            _abandon = abandon;
            if (_read == ReadState.Pending)
            {
                // The callback's.
                return;
            }
        }

        _reader.Release(abandon);
    }

    // Returns true when a datagram came without waiting.
    private bool StartRead()
    {
        lock (_readGate)
        {
            if (_released)
            {
                return true;
            }

            _read = ReadState.Pending;
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
            ClearRead();
            throw Failure(e);
        }

        ClearRead();
        return true;
    }

    private void TakeReadResult()
    {
        ClearRead();
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

    private void ClearRead()
    {
        lock (_readGate)
        {
            _read = ReadState.None;
        }
    }

    private void OnReadable()
    {
        lock (_readGate)
        {
            _read = ReadState.Done;
            if (_released)
            {
                _reader.Release(_abandon);
            }
        }

        _signal.Set();
    }
}
