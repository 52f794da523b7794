using System.Net.Sockets;

namespace Transports.Udp;

/// <summary>A message channel whose messages are datagrams: what a client's and a listener's channel have in common, which is sending.</summary>
/// <remarks>
/// Sending is the engine's: datagrams are copied into a buffer, each after its length, and one loop hands what has gathered
/// to the operating system, a lone message at once. UDP has no close: closing flushes and lets the peer go, who learns nothing.
/// </remarks>
internal abstract class UdpMessageChannel : MessageChannelBase, IFrameSink
{
    private readonly SendQueue _queue;
    private readonly DatagramWriter _writer;
    private readonly UdpEndPoints _endPoints;

    /// <summary>A channel.</summary>
    /// <param name="writer">What sends its datagrams, and counts them.</param>
    /// <param name="endPoints">Its two ends.</param>
    /// <param name="options">Limits.</param>
    /// <param name="context">Who it is.</param>
    protected UdpMessageChannel(DatagramWriter writer, UdpEndPoints endPoints, UdpTransportOptions options, MessageChannelContext context)
        : base(context)
    {
        _writer = writer;
        _endPoints = endPoints;
        _queue = new SendQueue(new LengthPrefixedCodec(MaxMessageSize), this, options, MaxMessageSize);
    }

    bool IFrameSink.HasUnreadInput => HasReceivedMessages || HasBufferedInput;

    // A piece that ended inside a datagram would tear it.
    bool IFrameSink.NeedsWholeFrames => true;

    protected UdpCounters Counters => _writer.Counters;

    protected SendQueue Queue => _queue;

    protected abstract bool HasBufferedInput { get; }

    public override TFeature? GetFeature<TFeature>()
        where TFeature : class
        => Counters as TFeature ?? _endPoints as TFeature ?? base.GetFeature<TFeature>();

    ValueTask IFrameSink.WriteAsync(ReadOnlyMemory<byte> frames) => _writer.WriteAsync(frames);

    Exception IFrameSink.OnWriteFailed(Exception error)
    {
        Terminate(DescribeFailure(error));
        return ClosedException();
    }

    protected static ChannelCloseInfo DescribeFailure(Exception error) => error switch
    {
        SocketException { SocketErrorCode: SocketError.ConnectionRefused or SocketError.ConnectionReset } e => new ChannelCloseInfo(
            ChannelCloseStatus.ConnectionLost, IsRemote: true, "Nobody listens at the peer's port: it answered with ICMP port unreachable.", (long)e.SocketErrorCode, e),
        SocketException e => new ChannelCloseInfo(ChannelCloseStatus.ConnectionLost, IsRemote: true, ProtocolErrorCode: (long)e.SocketErrorCode, Exception: e),
        _ => new ChannelCloseInfo(ChannelCloseStatus.ConnectionLost, IsRemote: true, Exception: error),
    };

    protected override ValueTask SendCoreAsync(in Message message, CancellationToken cancellationToken)
        => _queue.SendAsync(message, cancellationToken);

    protected override bool TrySendCore(in Message message) => _queue.TrySend(message);

    protected override ValueTask SendBatchCoreAsync(ReadOnlyMemory<Message> batch, CancellationToken cancellationToken)
        => _queue.SendAsync(batch, cancellationToken);

    protected override ValueTask FlushCoreAsync(CancellationToken cancellationToken) => _queue.FlushAsync(cancellationToken);

    protected override async ValueTask CloseCoreAsync(ChannelCloseInfo info, CancellationToken cancellationToken)
    {
        _queue.Refuse(ClosedException(), alsoWaiting: true);
        await _queue.FlushAsync(cancellationToken).ConfigureAwait(false);
        _queue.Fail(ClosedException());
        Release();
    }

    protected override void AbortCore(ChannelCloseInfo info)
    {
        _queue.Fail(new MessageChannelClosedException(info));
        Release();
    }

    /// <summary>Releases the socket, or the place in the listener. Must not throw.</summary>
    protected abstract void Release();
}
