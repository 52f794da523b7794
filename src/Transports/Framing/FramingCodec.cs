using System.Diagnostics;

namespace Transports.Engine;

/// <summary>Any <see cref="IMessageFraming"/> as the codec of one channel.</summary>
internal sealed class FramingCodec : MessageCodec
{
    private readonly IMessageFraming _framing;
    private readonly IPrefixFraming? _headers;
    private readonly IFrameDecoder _decoder;

    public FramingCodec(IMessageFraming framing, int maxMessageSize)
    {
        _framing = framing;
        _headers = framing as IPrefixFraming;
        _decoder = framing.CreateDecoder(maxMessageSize);
    }

    public override int MaxHeaderSize => _headers?.MaxHeaderSize ?? 0;

    /// <summary>The codec of a framing: its own where it has one.</summary>
    public static MessageCodec Create(IMessageFraming framing, int maxMessageSize)
        => framing is LengthPrefixedFraming { PrefixSize: 4, IsLittleEndian: false }
            ? new LengthPrefixedCodec(maxMessageSize)
            : new FramingCodec(framing, maxMessageSize);

    public override void Write(in Message message, OutputBuffer output)
    {
        if (_headers is { } framing && message.IsContiguous)
        {
            var payload = message.Span;
            var room = framing.MaxHeaderSize + payload.Length;
            var frame = output.GetSpan(Math.Max(room, 1));
            var header = framing.WriteHeader(payload.Length, frame);
            payload.CopyTo(frame[header..]);
            output.Advance(header + payload.Length);
            return;
        }

        _framing.WriteFrame(message.Payload, output);
    }

    public override int WriteHeader(Span<byte> payload, MessageKind kind, Span<byte> header) => _headers!.WriteHeader(payload.Length, header);

    public override ReadStatus Read(Memory<byte> input, ref CodecRead read)
    {
        ReadOnlySpan<byte> rest = input.Span;
        var start = 0;
        while (!read.IsFull)
        {
            int offset, length, consumed;
            try
            {
                if (!_decoder.TryReadFrame(rest, out offset, out length, out consumed))
                {
                    read.BytesNeeded = _decoder.BytesNeeded;
                    break;
                }
            }
            catch (Exception e) when (read.Count > 0 && e is MessageFramingException or MessageTooLargeException)
            {
                // Found again by the next call, which tells it; the decoder stands where it stood.
                break;
            }

            if (consumed <= 0 || consumed > rest.Length || (uint)offset > (uint)consumed || (uint)length > (uint)(consumed - offset))
            {
                throw new InvalidOperationException($"The decoder of the framing {_framing.Name} says that a frame is where it cannot be.");
            }

            read.Add(start + offset, length, MessageKind.Binary);
            start += consumed;
            rest = rest[consumed..];
        }

        Debug.Assert(start <= input.Length, "What is consumed was there.");
        read.Consumed = start;
        return read.Count > 0 ? ReadStatus.Messages : ReadStatus.NeedMore;
    }
}
