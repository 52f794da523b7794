namespace Transports;

/// <summary>A decoder that knows the kind of the message it read last.</summary>
internal interface IGrpcFrameDecoder : IFrameDecoder
{
    MessageKind LastKind { get; }
}
