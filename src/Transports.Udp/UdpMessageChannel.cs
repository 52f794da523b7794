using System.Buffers;
using System.Net;
using System.Net.Sockets;

namespace Transports;

/// <summary>A message channel whose messages are datagrams: what a client's and a listener's channel have in common, which is sending.</summary>
/// <remarks>
/// Sending is the engine's: datagrams are copied into a buffer, each after its length, and one flusher hands what has gathered
/// to the operating system, a lone message at once. UDP has no close: closing flushes and forgets the peer, who learns nothing.
/// </remarks>
internal abstract class UdpMessageChannel : MessageChannelBase, IFrameSenderChannel, IUdpStatistics
{
    private readonly FrameSender _sender;
    private readonly DatagramWriter _writer;
    private readonly Socket _socket;

    protected UdpMessageChannel(Socket socket, SocketAddress? peer, UdpCounters counters, UdpTransportOptions options, MessageChannelContext context)
        : base(context)
    {
        _socket = socket;
        Counters = counters;
        _writer = new DatagramWriter(socket, peer, counters, options);
        _sender = new FrameSender(this, LengthPrefixedFraming.Default, options, MaxMessageSize);
    }

    public long DatagramsSent => Counters.DatagramsSent;

    public long BytesSent => Counters.BytesSent;

    public long DatagramsReceived => Counters.DatagramsReceived;

    public long BytesReceived => Counters.BytesReceived;

    public long DroppedUnsent => Counters.DroppedUnsent;

    public long DroppedQueueFull => Counters.DroppedQueueFull;

    public long DroppedTooLarge => Counters.DroppedTooLarge;

    public long RefusedUnanswered => Counters.RefusedUnanswered;

    public virtual long DroppedByKernel => Math.Max(KernelDrops, LinuxSocketCalls.ReadKernelDrops(_socket));

    bool IFrameSenderChannel.HasBufferedInput => HasBufferedInput;

    protected UdpCounters Counters { get; }

    /// <summary>The kernel's count when the socket was given back.</summary>
    protected long KernelDrops { get; set; }

    protected FrameSender Sender => _sender;

    protected abstract bool HasBufferedInput { get; }

    Exception? IFrameSenderChannel.SendRefusal() => RefuseSend();

    void IFrameSenderChannel.WriteFrame(in Message message, IBufferWriter<byte> output)
    {
        var payload = message.Payload;
        if (payload.IsSingleSegment && output is FrameBuffer buffer)
        {
            buffer.AppendFrame(LengthPrefixedFraming.Default, sizeof(int), payload.FirstSpan);
            return;
        }

        LengthPrefixedFraming.Default.WriteFrame(payload, output);
    }

    int IFrameSenderChannel.WriteHeader(IHeaderFraming framing, long payloadLength, MessageKind kind, Span<byte> header)
        => framing.WriteHeader(payloadLength, header);

    ValueTask IFrameSenderChannel.WriteAsync(ReadOnlyMemory<byte> frames) => _writer.WriteAsync(frames);

    void IFrameSenderChannel.OnWriteFailed(Exception error) => End(DescribeFailure(error));

    protected static ChannelCloseInfo DescribeFailure(Exception error) => error switch
    {
        SocketException { SocketErrorCode: SocketError.ConnectionRefused or SocketError.ConnectionReset } e => new ChannelCloseInfo(
            ChannelCloseStatus.ConnectionLost, IsRemote: true, "Nobody listens at the peer's port: it answered with ICMP port unreachable.", (long)e.SocketErrorCode, e),
        SocketException e => new ChannelCloseInfo(ChannelCloseStatus.ConnectionLost, IsRemote: true, TransportCode: (long)e.SocketErrorCode, Error: e),
        _ => new ChannelCloseInfo(ChannelCloseStatus.ConnectionLost, IsRemote: true, Error: error),
    };

    protected override ValueTask SendCoreAsync(Message message, CancellationToken cancellationToken)
        => _sender.SendAsync(message, cancellationToken);

    protected override ValueTask SendBatchCoreAsync(ReadOnlyMemory<Message> batch, CancellationToken cancellationToken)
        => _sender.SendAsync(batch, cancellationToken);

    protected override ValueTask FlushCoreAsync(CancellationToken cancellationToken) => _sender.FlushAsync(cancellationToken);

    protected override async ValueTask CloseCoreAsync(ChannelCloseStatus status, string? description, CancellationToken cancellationToken)
    {
        await _sender.FlushAsync(cancellationToken).ConfigureAwait(false);
        _sender.Fail(ClosedException());
        Forget();
    }

    protected override void AbortCore(ChannelCloseInfo info)
    {
        _sender.Fail(new MessageChannelClosedException(info));
        Forget();
    }

    /// <summary>Gives the socket, or the place in the listener, back. Must not throw.</summary>
    protected abstract void Forget();
}
