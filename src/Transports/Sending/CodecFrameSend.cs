namespace Transports.Engine;

/// <summary>A frame of the codec's own.</summary>
internal readonly struct CodecFrameSend(ICodecFrame frame) : IFrameSend
{
    public long Size => frame.Size;

    public void WriteTo(SendQueue queue) => queue.WriteCodecFrame(frame);

    public SendWaiter CreateWaiter(SendQueue queue) => new CodecFrameSendWaiter(frame);
}
