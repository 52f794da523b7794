namespace Transports.Sse;

/// <summary>A short text of an event stream, such as an id, as its bytes. Keeps its memory for the next one.</summary>
internal sealed class SseText
{
    private byte[] _bytes = [];
    private int _length;

    public int Length => _length;

    public ReadOnlySpan<byte> Span => _bytes.AsSpan(0, _length);

    public void Clear() => _length = 0;

    public void Set(ReadOnlySpan<byte> text)
    {
        _length = 0;
        Append(text);
    }

    public void Append(ReadOnlySpan<byte> text)
    {
        if (_bytes.Length - _length < text.Length)
        {
            Array.Resize(ref _bytes, Math.Max(_length + text.Length, 2 * _bytes.Length));
        }

        text.CopyTo(_bytes.AsSpan(_length));
        _length += text.Length;
    }
}
