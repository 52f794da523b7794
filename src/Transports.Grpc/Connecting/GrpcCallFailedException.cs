namespace Transports.Grpc;

/// <summary>Carries a call's end from where it was seen to <see cref="ByteConnection.DescribeFailure"/>.</summary>
internal sealed class GrpcCallFailedException(ChannelCloseInfo info) : Exception(info.Description)
{
    public ChannelCloseInfo Info { get; } = info;
}
