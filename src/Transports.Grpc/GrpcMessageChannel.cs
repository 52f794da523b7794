using System.Buffers;

namespace Transports;

/// <summary>One gRPC call as a channel, on either side.</summary>
internal sealed class GrpcMessageChannel : FramedMessageChannel, IFrameSenderChannel
{
    private readonly ByteConnection _connection;
    private readonly IGrpcFraming _framing;
    private readonly object[] _features;
    private ITimer? _deadline;

    /// <param name="connection">The call's bytes.</param>
    /// <param name="framing">The framing.</param>
    /// <param name="features">What <see cref="GetFeature"/> finds beside the channel: an <see cref="IGrpcClientCall"/> or <see cref="IGrpcServerCall"/>.</param>
    /// <param name="context">What the channel is told about itself.</param>
    public GrpcMessageChannel(ByteConnection connection, IGrpcFraming framing, object[] features, MessageChannelContext context)
        : base(connection, framing, context)
    {
        _connection = connection;
        _framing = framing;
        _features = features;
        framing.EndReceived = OnEndReceived;
        if (connection is GrpcClientConnection call)
        {
            call.Channel = this;
        }
    }

    /// <summary>How the channel ended, or <see langword="null"/>. Known a moment before <see cref="IMessageChannel.Closed"/> completes, and then to whoever a send or receive has thrown to.</summary>
    public ChannelCloseInfo? Ended => CloseInfo;

    // A server may end a call while its client sends. That ends the sending; what it sent before, and its status, are the receiver's to find.
    void IFrameSenderChannel.OnWriteFailed(Exception error)
    {
        if (error is not MessageChannelClosedException || _connection is not GrpcClientConnection { HasMoreToTell: true })
        {
            End(_connection.DescribeFailure(error));
        }
    }

    public static IGrpcFraming CreateFraming(bool hasEnvelope, GrpcCompression compression)
        => compression.IsEnabled ? new GrpcGzipFraming(hasEnvelope, compression) : new GrpcFraming(hasEnvelope, compression);

    public static ChannelCharacteristics Describe(ChannelSide side, bool hasEnvelope, bool isEncrypted) => new()
    {
        IsReliable = true,
        IsOrdered = true,
        PreservesBoundaries = true,
        IsMultiplexed = true,
        IsEncrypted = isEncrypted,
        PreservesKind = hasEnvelope,

        // In gRPC a client half-closes and cannot say why; a server ends the call with a status, and there is no half of that.
        // The envelope carries what is missing.
        SupportsHalfClose = side == ChannelSide.Client || hasEnvelope,
        CarriesCloseStatus = side == ChannelSide.Server || hasEnvelope,
    };

    public override TFeature? GetFeature<TFeature>()
        where TFeature : class
        => _features.OfType<TFeature>().FirstOrDefault() ?? base.GetFeature<TFeature>();

    /// <summary>Ends the channel when the time has come, unless it ends before.</summary>
    public void StartDeadline(TimeSpan timeout)
    {
        // Timers count to about 49 days. A deadline beyond that is as good as none.
        if (timeout.TotalMilliseconds > uint.MaxValue - 1)
        {
            return;
        }

        _deadline = Options.TimeProvider.CreateTimer(
            static state => ((GrpcMessageChannel)state!).OnDeadline(),
            this,
            timeout < TimeSpan.Zero ? TimeSpan.Zero : timeout,
            Timeout.InfiniteTimeSpan);
        _ = Closed.ContinueWith(
            static (_, state) => ((ITimer)state!).Dispose(),
            _deadline,
            CancellationToken.None,
            TaskContinuationOptions.ExecuteSynchronously,
            TaskScheduler.Default);
    }

    /// <summary>The peer or the network has ended the call while nobody was reading or writing.</summary>
    public void EndFromOutside(ChannelCloseInfo info) => End(info);

    protected internal override void WriteFrame(in Message message, IBufferWriter<byte> output) => _framing.WriteFrame(message, output);

    protected internal override int WriteHeader(IHeaderFraming framing, long payloadLength, MessageKind kind, Span<byte> header)
        => ((GrpcFraming)framing).WriteHeader(payloadLength, kind, header);

    protected override MessageKind ReadKind(IFrameDecoder decoder) => ((IGrpcFrameDecoder)decoder).LastKind;

    // The receiving thread found it in place of a message.
    private void OnEndReceived(EnvelopeEnd end)
    {
        if (Context.Side == ChannelSide.Client)
        {
            // The server's status comes in its trailers, which no receive waits for any more.
            EndInput();
            _ = EndWithCallAsync((GrpcClientConnection)_connection);
        }
        else if (end.Status is { } status)
        {
            (_connection as IGrpcServerConnection)?.OnPeerClosed();
            EndByPeerInOrder(new ChannelCloseInfo(status, IsRemote: true, end.Description));
        }
        else
        {
            EndInput();
        }
    }

    private async Task EndWithCallAsync(GrpcClientConnection connection) => EndFromOutside(await connection.WaitForEndAsync().ConfigureAwait(false));

    private void OnDeadline() => End(new ChannelCloseInfo(
        ChannelCloseStatus.TimedOut,
        IsRemote: false,
        "The call's deadline has passed.",
        (long)GrpcStatusCode.DeadlineExceeded));
}
