namespace Transports.Sse;

/// <summary>An event of a type of the sender's, on its way.</summary>
internal sealed class NamedEvent(SseCodec codec, string type, ReadOnlyMemory<byte> text) : ICodecFrame
{
    public long Size => text.Length;

    public void WriteTo(OutputBuffer output) => codec.WriteNamed(type, text, output);
}
