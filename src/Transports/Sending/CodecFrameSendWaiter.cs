namespace Transports.Engine;

/// <summary>Waits to write a frame of the codec's own.</summary>
internal sealed class CodecFrameSendWaiter(ICodecFrame frame) : SendWaiter
{
    public override long Size => frame.Size;

    public override void WriteTo(SendQueue queue) => queue.WriteCodecFrame(frame);

    protected override void Recycle()
    {
    }
}
