namespace Transports.WebSockets;

/// <content>Writing frames: RFC 6455, sections 5.2, 5.3 and 6.1. Every message is one frame.</content>
internal sealed partial class WebSocketCodec
{
    private readonly MaskKeys? _keys;
    private readonly int _largestCompressed;
    private PooledBufferWriter? _compressed;

    // What may be compressed must be seen whole.
    public override int MaxHeaderSize
        => IsCompressed ? 0
            : IsServer ? FrameHeader.MaxSize - Mask.KeySize
            : FrameHeader.MaxSize;

    public override void Write(in Message message, OutputBuffer output)
    {
        if (message.Length >= WebSocketDeflate.MinMessage && message.Length <= _largestCompressed && TryWriteCompressed(message, output))
        {
            return;
        }

        var length = (int)message.Length;
        var key = _keys?.Next();
        var frame = output.GetSpan(FrameHeader.MaxSize + length);
        var header = FrameHeader.Write(frame, OpcodeOf(message.Kind), compressed: false, length, key);
        message.CopyTo(frame[header..]);
        Finish(output, frame, header, length, key);
    }

    public override int WriteHeader(Span<byte> payload, MessageKind kind, Span<byte> header)
    {
        var key = _keys?.Next();
        if (key is { } mask)
        {
            Mask.Apply(payload, mask);
        }

        return FrameHeader.Write(header, OpcodeOf(kind), compressed: false, payload.Length, key);
    }

    private static WebSocketOpcode OpcodeOf(MessageKind kind) => kind == MessageKind.Text ? WebSocketOpcode.Text : WebSocketOpcode.Binary;

    private static void Finish(OutputBuffer output, Span<byte> frame, int header, int length, uint? key)
    {
        if (key is { } mask)
        {
            Mask.Apply(frame.Slice(header, length), mask);
        }

        output.Advance(header + length);
    }

    // Returns false when compressing saves nothing.
    private bool TryWriteCompressed(in Message message, OutputBuffer output)
    {
        // Under the send gate, so there is one at a time.
        _compressed ??= new PooledBufferWriter(_pool);
        try
        {
            WebSocketDeflate.Compress(message.Payload, _compressed);
            if (_compressed.Count >= message.Length)
            {
                return false;
            }

            WriteFrame(OpcodeOf(message.Kind), compressed: true, _compressed.WrittenSpan, output);
            return true;
        }
        finally
        {
            _compressed.Clear();
        }
    }

    private void WriteFrame(WebSocketOpcode opcode, bool compressed, ReadOnlySpan<byte> payload, OutputBuffer output)
    {
        var key = _keys?.Next();
        var frame = output.GetSpan(FrameHeader.MaxSize + payload.Length);
        var header = FrameHeader.Write(frame, opcode, compressed, payload.Length, key);
        payload.CopyTo(frame[header..]);
        Finish(output, frame, header, payload.Length, key);
    }
}
