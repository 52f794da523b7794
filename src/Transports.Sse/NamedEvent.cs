using System.Buffers;
using System.Runtime.InteropServices;
using System.Text;

namespace Transports;

/// <summary>The memory of an event's text that knows the event's type, so that it passes through a channel as an ordinary message.</summary>
internal sealed class NamedEvent(string type, string text) : MemoryManager<byte>
{
    private readonly byte[] _text = Encoding.UTF8.GetBytes(text);

    public string Type => type;

    /// <summary>The named event whose memory a message is, or <see langword="null"/>.</summary>
    public static NamedEvent? From(in Message message)
        => message.Payload.IsSingleSegment && MemoryMarshal.TryGetMemoryManager<byte, NamedEvent>(message.Payload.First, out var named) ? named : null;

    public override Span<byte> GetSpan() => _text;

    public override MemoryHandle Pin(int elementIndex = 0) => _text.AsMemory(elementIndex).Pin();

    public override void Unpin()
    {
    }

    protected override void Dispose(bool disposing)
    {
    }
}
