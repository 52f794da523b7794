namespace Transports.Grpc;

/// <summary>Puts channels over gRPC calls together, on either side.</summary>
internal static class GrpcChannels
{
    /// <summary>A call as a channel.</summary>
    /// <param name="connection">The call's bytes.</param>
    /// <param name="hasEnvelope">Whether payloads travel in a <c>transports.v1.Message</c>.</param>
    /// <param name="compression">What is compressed.</param>
    /// <param name="context">What the channel is told about itself.</param>
    /// <param name="timeout">When the channel is to end by itself; <see langword="null"/> for never.</param>
    public static FramedMessageChannel Create(ByteConnection connection, bool hasEnvelope, GrpcCompression compression, MessageChannelContext context, TimeSpan? timeout = null)
    {
        var channel = new FramedMessageChannel(connection, new GrpcCodec(context.Side, hasEnvelope, compression, context.Options), context);

        // Timers count to about 49 days. A deadline beyond that is as good as none.
        if (timeout is { } limit && limit.TotalMilliseconds < uint.MaxValue)
        {
            StartDeadline(channel, limit < TimeSpan.Zero ? TimeSpan.Zero : limit, context.Options.TimeProvider);
        }

        return channel;
    }

    public static ChannelCharacteristics Describe(ChannelSide side, bool hasEnvelope, bool isEncrypted) => new()
    {
        IsReliable = true,
        IsOrdered = true,
        PreservesMessageBoundaries = true,
        IsMultiplexed = true,
        IsEncrypted = isEncrypted,
        PreservesMessageKind = hasEnvelope,

        // In gRPC a client half-closes and cannot say why; a server ends the call with a status, and there is no half of that.
        // The envelope carries what is missing.
        SupportsHalfClose = side == ChannelSide.Client || hasEnvelope,
        CarriesCloseStatus = side == ChannelSide.Server || hasEnvelope,
    };

    private static void StartDeadline(FramedMessageChannel channel, TimeSpan limit, TimeProvider timeProvider)
    {
        var timer = timeProvider.CreateTimer(
            static state => ((ICodecHost)state!).Terminate(new ChannelCloseInfo(
                ChannelCloseStatus.TimedOut,
                IsRemote: false,
                "The call's deadline has passed.",
                (long)GrpcStatusCode.DeadlineExceeded)),
            channel,
            limit,
            Timeout.InfiniteTimeSpan);
        _ = channel.Closed.ContinueWith(
            static (_, state) => ((ITimer)state!).Dispose(),
            timer,
            CancellationToken.None,
            TaskContinuationOptions.ExecuteSynchronously,
            TaskScheduler.Default);
    }
}
