using System.Runtime.CompilerServices;

namespace Transports.WebSockets;

/// <summary>Steps over frames that nobody receives, in whatever pieces they come, and finds the pings and the close frame among them. Judges nothing else.</summary>
internal struct FrameScanner
{
    private HeaderBytes _header;
    private int _headerLength;
    private long _toSkip;
    private bool _isInsideMessage;

    // The control frame whose payload is being gathered, if any.
    private WebSocketOpcode _control;
    private uint _key;
    private byte[]? _payload;
    private int _payloadLength;
    private int _payloadMissing;

    /// <summary>A frame or a message has begun that has not ended.</summary>
    public readonly bool IsInsideMessage => _isInsideMessage || _headerLength > 0 || _toSkip > 0 || _control != 0;

    /// <summary>Begins between two frames.</summary>
    /// <param name="isInsideMessage">They are fragments of one message.</param>
    public void Begin(bool isInsideMessage)
    {
        _headerLength = 0;
        _toSkip = 0;
        _control = 0;
        _isInsideMessage = isInsideMessage;
    }

    /// <summary>See <see cref="MessageCodec.Scan"/>.</summary>
    public ReadStatus Scan(ReadOnlySpan<byte> input, ref CodecRead read)
    {
        var rest = input;
        while (!rest.IsEmpty)
        {
            if (_toSkip > 0)
            {
                var skipped = (int)Math.Min(_toSkip, rest.Length);
                _toSkip -= skipped;
                rest = rest[skipped..];
                continue;
            }

            if (_control == 0)
            {
                _header[_headerLength++] = rest[0];
                rest = rest[1..];
                if (!FrameHeader.TryRead(_header[.._headerLength], out var header))
                {
                    continue;
                }

                _headerLength = 0;
                BeginFrame(header);
            }
            else
            {
                var count = Math.Min(_payloadMissing, rest.Length);
                rest[..count].CopyTo(_payload.AsSpan(_payloadLength));
                _payloadLength += count;
                _payloadMissing -= count;
                rest = rest[count..];
            }

            if (_control != 0 && _payloadMissing == 0)
            {
                read.Consumed = input.Length - rest.Length;
                return EndControl(ref read);
            }
        }

        read.Consumed = input.Length;
        return ReadStatus.NeedMore;
    }

    private void BeginFrame(in FrameHeader header)
    {
        var isShort = header.PayloadLength is >= 0 and <= FrameHeader.MaxControlPayload;
        if (header.Opcode == WebSocketOpcode.Close || (header.Opcode == WebSocketOpcode.Ping && isShort))
        {
            _control = header.Opcode;
            _key = header.IsMasked ? header.Key : 0;
            _payload ??= new byte[FrameHeader.MaxControlPayload];
            _payloadLength = 0;

            // Nothing follows a close: of one that is too long its beginning says enough.
            _payloadMissing = isShort ? (int)header.PayloadLength : FrameHeader.MaxControlPayload;
            return;
        }

        if (!header.IsControl)
        {
            _isInsideMessage = !header.IsFinal;
        }

        // After a length that cannot be there are no frames.
        _toSkip = header.PayloadLength < 0 ? long.MaxValue : header.PayloadLength;
    }

    private ReadStatus EndControl(ref CodecRead read)
    {
        var payload = _payload.AsMemory(0, _payloadLength);
        Mask.Apply(payload.Span, _key);
        var opcode = _control;
        _control = 0;
        if (opcode == WebSocketOpcode.Ping)
        {
            read.Reply = payload;
            return ReadStatus.Reply;
        }

        read.Close = ClosePayload.Describe(payload.Span, _isInsideMessage);
        return ReadStatus.Closed;
    }

    [InlineArray(FrameHeader.MaxSize)]
    private struct HeaderBytes
    {
        private byte _first;
    }
}
