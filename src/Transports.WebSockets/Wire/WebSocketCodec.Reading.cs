using System.Text.Unicode;

namespace Transports.WebSockets;

/// <content>Reading frames: RFC 6455, section 5, and section 6.2 for what is made of them.</content>
/// <remarks>A frame's declared length is checked against the limit, together with the fragments before it, before its body is there.</remarks>
internal sealed partial class WebSocketCodec
{
    // What a channel keeps for the next fragmented or compressed message.
    private const int KeptMemory = 64 * 1024;

    private readonly long _maxCompressedSize;
    private readonly PooledBufferWriter _joined;
    private PooledBufferWriter? _inflated;

    // Not 0: a message has begun whose last fragment has not come.
    private WebSocketOpcode _message;
    private bool _messageIsCompressed;

    public override ReadStatus Read(Memory<byte> input, ref CodecRead read)
    {
        if (_message == 0)
        {
            // The message handed out last was made of these.
            _joined.Clear(KeptMemory);
            _inflated?.Clear(KeptMemory);
        }

        var bytes = input.Span;
        var start = 0;
        while (!read.IsFull && FrameHeader.TryRead(bytes[start..], out var header))
        {
            if (FindFault(header) is { } fault)
            {
                if (read.Count == 0)
                {
                    throw fault;
                }

                // Found again by the next call, which tells it behind the messages before it.
                break;
            }

            var bodyStart = start + header.Size;
            var missing = bodyStart + header.PayloadLength - bytes.Length;
            if (missing > 0)
            {
                read.BytesNeeded = (int)missing;
                break;
            }

            var end = bodyStart + (int)header.PayloadLength;
            var body = bytes[bodyStart..end];
            if (header.IsControl)
            {
                // Alone in its table; those that say nothing, or were answered, are passed over.
                if (header.Opcode == WebSocketOpcode.Close || (header.Opcode == WebSocketOpcode.Ping && end > read.Scanned))
                {
                    if (read.Count > 0)
                    {
                        break;
                    }

                    read.Consumed = end;
                    if (header.Opcode == WebSocketOpcode.Close)
                    {
                        read.Close = ReadClose(header, body);
                        return ReadStatus.Closed;
                    }

                    Mask.Remove(body, header);
                    read.Reply = input[bodyStart..end];
                    return ReadStatus.Reply;
                }
            }
            else if (_message == 0 && header.IsFinal && !header.IsCompressed)
            {
                Mask.Remove(body, header);
                if (header.Opcode == WebSocketOpcode.Text && !Utf8.IsValid(body))
                {
                    if (read.Count == 0)
                    {
                        throw InvalidText();
                    }

                    // Comes again, as it was.
                    Mask.Remove(body, header);
                    break;
                }

                read.Add(bodyStart, body.Length, KindOf(header.Opcode));
            }
            else
            {
                if (header.IsFinal && read.Count > 0)
                {
                    break;
                }

                Join(header, body);
                if (header.IsFinal)
                {
                    read.Consumed = end;
                    TakeJoined(ref read);
                    return ReadStatus.Messages;
                }
            }

            start = end;
        }

        read.Consumed = start;
        return read.Count > 0 ? ReadStatus.Messages : ReadStatus.NeedMore;
    }

    private static MessageKind KindOf(WebSocketOpcode opcode) => opcode == WebSocketOpcode.Text ? MessageKind.Text : MessageKind.Binary;

    private static InvalidPayloadException InvalidText() => new("A WebSocket text message is not valid UTF-8 (RFC 6455, section 8.1).");

    private Exception? FindFault(in FrameHeader header)
    {
        if (header.IsMasked != IsServer)
        {
            return new MessageFramingException(IsServer
                ? "A client's WebSocket frame is not masked (RFC 6455, section 5.1)."
                : "A server's WebSocket frame is masked (RFC 6455, section 5.1).");
        }

        if (header.HasReservedBits || (header.IsCompressed && (!IsCompressed || header.IsControl || header.Opcode == WebSocketOpcode.Continuation)))
        {
            return new MessageFramingException("A WebSocket frame has a reserved bit set, which no agreed extension explains (RFC 6455, section 5.2).");
        }

        if (header.PayloadLength < 0)
        {
            return new MessageFramingException("A WebSocket frame's length has its highest bit set (RFC 6455, section 5.2).");
        }

        switch (header.Opcode)
        {
            case WebSocketOpcode.Continuation when _message == 0:
                return new MessageFramingException("A WebSocket continuation frame continues nothing (RFC 6455, section 5.4).");
            case WebSocketOpcode.Text or WebSocketOpcode.Binary when _message != 0:
                return new MessageFramingException("A WebSocket message begins before the one before it has ended (RFC 6455, section 5.4).");
            case WebSocketOpcode.Continuation or WebSocketOpcode.Text or WebSocketOpcode.Binary:
                // What is left of the limit, not the sum: a declared length goes up to 2^63-1, and a sum with it would wrap.
                var joined = _message == 0 ? 0 : _joined.Count;
                var limit = (_message == 0 ? header.IsCompressed : _messageIsCompressed) ? _maxCompressedSize : _maxMessageSize;
                return header.PayloadLength > limit - joined
                    ? new MessageTooLargeException((long)Math.Min((ulong)header.PayloadLength + (ulong)joined, long.MaxValue), _maxMessageSize)
                    : null;
            case WebSocketOpcode.Close or WebSocketOpcode.Ping or WebSocketOpcode.Pong:
                return header.IsFinal && header.PayloadLength <= FrameHeader.MaxControlPayload
                    ? null
                    : new MessageFramingException("A WebSocket control frame is in fragments or longer than 125 bytes (RFC 6455, section 5.5).");
            default:
                return new MessageFramingException($"A WebSocket frame has the unknown opcode {(int)header.Opcode} (RFC 6455, section 5.2).");
        }
    }

    private void Join(in FrameHeader header, ReadOnlySpan<byte> body)
    {
        if (_message == 0)
        {
            _message = header.Opcode;
            _messageIsCompressed = header.IsCompressed;
        }

        var before = _joined.Count;
        _joined.Write(body);
        Mask.Remove(_joined.WrittenSpan[before..], header);
    }

    private void TakeJoined(ref CodecRead read)
    {
        var kind = KindOf(_message);
        _message = 0;
        var whole = _joined;
        if (_messageIsCompressed)
        {
            whole = _inflated ??= new PooledBufferWriter(_pool);
            WebSocketDeflate.Inflate(_joined.WrittenMemory, whole, _maxMessageSize);
        }

        if (kind == MessageKind.Text && !Utf8.IsValid(whole.WrittenSpan))
        {
            throw InvalidText();
        }

        var array = whole.WrittenArray;
        read.SetOwned(array.Array!, array.Offset, array.Count, kind);
    }
}
