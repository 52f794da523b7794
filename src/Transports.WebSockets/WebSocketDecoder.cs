using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Unicode;

namespace Transports;

/// <summary>Reads frames (RFC 6455, section 5): unmasks in place, joins fragments, inflates, checks text, and hands control frames to the channel.</summary>
/// <remarks>
/// A message in one frame is lent out of the receive buffer as it is. Fragments are joined in memory of the decoder's own, which
/// grows with what has arrived; a frame's declared length is checked against the limit, together with the fragments before it,
/// before its body is read.
/// </remarks>
internal sealed class WebSocketDecoder(WebSocketFraming framing, int maxMessageSize) : IFrameDecoder
{
    // What a channel keeps for the next fragmented or compressed message.
    private const int KeptMemory = 64 * 1024;

    // A message is judged by its size once inflated, and compressing may make it larger: by 5 bytes a stored block, which are as small
    // as the sender's buffers, or by an eighth where a sender has only deflate's fixed code, of 9 bits for half of all bytes.
    private readonly long _maxCompressedSize = maxMessageSize + (maxMessageSize / 8) + 1024L;

    private readonly PooledBytes _joined = new(framing.Pool);
    private PooledBytes? _inflated;
    private WebSocketOpcode _message;
    private bool _messageIsCompressed;
    private bool _heard;

    public int BytesNeeded { get; private set; }

    /// <summary>The kind of the message found last.</summary>
    public MessageKind Kind { get; private set; }

    /// <summary>A message has begun whose last fragment has not come.</summary>
    public bool IsInsideMessage => _message != 0;

    /// <summary>Whether anything has arrived since this was asked before.</summary>
    public bool TakeHeard() => Interlocked.Exchange(ref _heard, false);

    public bool TryReadFrame(ref ReadOnlySequence<byte> buffer, out ReadOnlySequence<byte> payload)
    {
        if (!buffer.IsSingleSegment || !MemoryMarshal.TryGetArray(buffer.First, out var segment))
        {
            throw new NotSupportedException("WebSocket frames are unmasked where they lie, in one array.");
        }

        _heard = true;
        if (_message == 0)
        {
            // The message handed out last was made of these.
            _joined.Clear(KeptMemory);
            _inflated?.Clear(KeptMemory);
        }

        payload = default;
        BytesNeeded = 0;
        var consumed = 0;
        var found = false;
        while (!found && WebSocketFrameHeader.TryRead(segment.AsSpan(consumed), out var header))
        {
            Check(header);
            var missing = header.Size + header.PayloadLength - (segment.Count - consumed);
            if (missing > 0)
            {
                BytesNeeded = (int)missing;
                break;
            }

            var body = segment.Slice(consumed + header.Size, (int)header.PayloadLength);
            consumed += header.Size + body.Count;
            if (header.IsMasked)
            {
                WebSocketMask.Apply(body, header.Key);
            }

            if (!header.IsControl)
            {
                found = TakeData(header, body, out payload);
            }
            else if (header.Opcode == WebSocketOpcode.Ping)
            {
                framing.Channel!.OnPing(body);
            }
            else if (header.Opcode == WebSocketOpcode.Close)
            {
                TakeClose(body);
                consumed = segment.Count;
                break;
            }
        }

        buffer = buffer.Slice(consumed);
        return found;
    }

    /// <summary>Gives memory back.</summary>
    public void Release()
    {
        _joined.Clear();
        _inflated?.Clear();
    }

    private void Check(in WebSocketFrameHeader header)
    {
        if (header.IsMasked != framing.IsServer)
        {
            throw new MessageFramingException(framing.IsServer
                ? "A client's WebSocket frame is not masked (RFC 6455, section 5.1)."
                : "A server's WebSocket frame is masked (RFC 6455, section 5.1).");
        }

        if (header.HasReservedBits || (header.IsCompressed && (!framing.IsCompressed || header.IsControl || header.Opcode == WebSocketOpcode.Continuation)))
        {
            throw new MessageFramingException("A WebSocket frame has a reserved bit set, which no agreed extension explains (RFC 6455, section 5.2).");
        }

        if (header.PayloadLength < 0)
        {
            throw new MessageFramingException("A WebSocket frame's length has its highest bit set (RFC 6455, section 5.2).");
        }

        switch (header.Opcode)
        {
            case WebSocketOpcode.Continuation when _message == 0:
                throw new MessageFramingException("A WebSocket continuation frame continues nothing (RFC 6455, section 5.4).");
            case WebSocketOpcode.Text or WebSocketOpcode.Binary when _message != 0:
                throw new MessageFramingException("A WebSocket message begins before the one before it has ended (RFC 6455, section 5.4).");
            case WebSocketOpcode.Continuation or WebSocketOpcode.Text or WebSocketOpcode.Binary:
                var compressed = _message == 0 ? header.IsCompressed : _messageIsCompressed;

                // What is left of the limit, not the sum: a declared length goes up to 2^63-1, and a sum with it would wrap.
                if (header.PayloadLength > (compressed ? _maxCompressedSize : maxMessageSize) - _joined.Count)
                {
                    throw new MessageTooLargeException((long)Math.Min((ulong)header.PayloadLength + (ulong)_joined.Count, long.MaxValue), maxMessageSize);
                }

                break;
            case WebSocketOpcode.Close or WebSocketOpcode.Ping or WebSocketOpcode.Pong:
                if (!header.IsFinal || header.PayloadLength > WebSocketFrameHeader.MaxControlPayload)
                {
                    throw new MessageFramingException("A WebSocket control frame is in fragments or longer than 125 bytes (RFC 6455, section 5.5).");
                }

                break;
            default:
                throw new MessageFramingException($"A WebSocket frame has the unknown opcode {(int)header.Opcode} (RFC 6455, section 5.2).");
        }
    }

    private bool TakeData(in WebSocketFrameHeader header, ArraySegment<byte> body, out ReadOnlySequence<byte> payload)
    {
        if (_message == 0)
        {
            if (header.IsFinal && !header.IsCompressed)
            {
                payload = new ReadOnlySequence<byte>(body.Array!, body.Offset, body.Count);
                Accept(header.Opcode, body);
                return true;
            }

            _message = header.Opcode;
            _messageIsCompressed = header.IsCompressed;
        }

        _joined.Write(body);
        if (!header.IsFinal)
        {
            payload = default;
            return false;
        }

        var opcode = _message;
        _message = 0;
        var whole = _joined;
        if (_messageIsCompressed)
        {
            whole = _inflated ??= new PooledBytes(framing.Pool);
            WebSocketDeflate.Inflate(_joined.WrittenMemory, whole, maxMessageSize);
        }

        payload = new ReadOnlySequence<byte>(whole.WrittenMemory);
        Accept(opcode, whole.WrittenSpan);
        return true;
    }

    private void Accept(WebSocketOpcode opcode, ReadOnlySpan<byte> payload)
    {
        Kind = opcode == WebSocketOpcode.Text ? MessageKind.Text : MessageKind.Binary;
        if (opcode == WebSocketOpcode.Text && !Utf8.IsValid(payload))
        {
            throw new InvalidPayloadException("A WebSocket text message is not valid UTF-8 (RFC 6455, section 8.1).");
        }
    }

    private void TakeClose(ReadOnlySpan<byte> body)
    {
        if (body.IsEmpty)
        {
            framing.Channel!.OnClose(WebSocketCloseCode.NoStatus, null);
            return;
        }

        if (body.Length == 1)
        {
            throw new MessageFramingException("A WebSocket close frame has half a close code (RFC 6455, section 5.5.1).");
        }

        var code = BinaryPrimitives.ReadUInt16BigEndian(body);
        if (!WebSocketCloseCode.IsAllowed(code))
        {
            throw new MessageFramingException($"A WebSocket close frame has the code {code}, which must not be sent (RFC 6455, section 7.4).");
        }

        var reason = body[2..];
        if (!Utf8.IsValid(reason))
        {
            throw new InvalidPayloadException("A WebSocket close frame's reason is not valid UTF-8 (RFC 6455, section 5.5.1).");
        }

        framing.Channel!.OnClose(code, reason.IsEmpty ? null : System.Text.Encoding.UTF8.GetString(reason));
    }
}
