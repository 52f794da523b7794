using System.Buffers;
using System.Net.Sockets;

namespace Transports;

/// <summary>A message channel whose messages are datagrams: what a client's and a listener's channel have in common, which is sending.</summary>
/// <remarks>
/// Sending is the engine's: datagrams are copied into a buffer, each after its length, and one flusher hands what has gathered
/// to the operating system, a lone message at once. UDP has no close: closing flushes and lets the peer go, who learns nothing.
/// </remarks>
internal abstract class UdpMessageChannel : MessageChannelBase, IFrameSenderChannel
{
    private readonly FrameSender _sender;
    private readonly DatagramWriter _writer;

    /// <summary>A channel.</summary>
    /// <param name="writer">What sends its datagrams, and counts them.</param>
    /// <param name="options">Limits.</param>
    /// <param name="context">Who it is.</param>
    protected UdpMessageChannel(DatagramWriter writer, UdpTransportOptions options, MessageChannelContext context)
        : base(context)
    {
        _writer = writer;
        _sender = new FrameSender(this, LengthPrefixedFraming.Default, options, MaxMessageSize);
    }

    bool IFrameSenderChannel.HasBufferedInput => HasBufferedInput;

    protected UdpCounters Counters => _writer.Counters;

    protected FrameSender Sender => _sender;

    protected abstract bool HasBufferedInput { get; }

    public override TFeature? GetFeature<TFeature>()
        where TFeature : class
        => Counters as TFeature ?? base.GetFeature<TFeature>();

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
        Release();
    }

    protected override void AbortCore(ChannelCloseInfo info)
    {
        _sender.Fail(new MessageChannelClosedException(info));
        Release();
    }

    /// <summary>Releases the socket, or the place in the listener. Must not throw.</summary>
    protected abstract void Release();
}
