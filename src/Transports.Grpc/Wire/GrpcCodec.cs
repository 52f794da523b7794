using System.Buffers;
using System.Buffers.Binary;

namespace Transports.Grpc;

/// <summary>
/// gRPC's Length-Prefixed-Message: a flag of one byte, a length of four, big-endian, and the message
/// (PROTOCOL-HTTP2.md, "Requests"). With an envelope, the message is a <c>transports.v1.Message</c> around the payload, or its sender's end.
/// </summary>
internal sealed class GrpcCodec : MessageCodec
{
    public const int PrefixSize = 5;

    private readonly ChannelSide _side;
    private readonly bool _hasEnvelope;
    private readonly GrpcCompression _compression;
    private readonly GrpcGzip _gzip;
    private readonly int _maxMessageSize;
    private readonly long _maxFrame;

    // A client's goodbye among bytes that nobody receives: of the frame at hand what has come of it, or how much of it is still to be stepped over.
    private byte[] _scannedFrame = [];
    private int _scannedCount;
    private long _scanSkips;

    /// <param name="side">Which end this is.</param>
    /// <param name="hasEnvelope">Whether payloads travel in a <c>transports.v1.Message</c>.</param>
    /// <param name="compression">What is compressed.</param>
    /// <param name="options">Limits and services.</param>
    public GrpcCodec(ChannelSide side, bool hasEnvelope, GrpcCompression compression, MessageChannelOptions options)
    {
        _side = side;
        _hasEnvelope = hasEnvelope;
        _compression = compression;
        _maxMessageSize = options.MaxMessageSize;
        _maxFrame = hasEnvelope ? (long)_maxMessageSize + Envelope.AcceptedOverhead : _maxMessageSize;
        _gzip = new GrpcGzip(_maxFrame, _maxMessageSize, options.BufferPool);
    }

    public override int MaxHeaderSize => _compression.CompressesSent ? 0 : _hasEnvelope ? PrefixSize + Envelope.MaxOverhead : PrefixSize;

    public override bool PreservesMessageKind => _hasEnvelope;

    // A client's goodbye is known by its first byte where its sender writes nothing before it, as this library does. Any other is found when it is received.
    private bool ScansForEnds => _hasEnvelope && _side == ChannelSide.Server;

    public override void Write(in Message message, OutputBuffer output)
    {
        Span<byte> header = stackalloc byte[PrefixSize + Envelope.MaxOverhead];
        var length = (int)message.Length;
        var headerSize = WriteHeader(length, message.Kind, header);
        header = header[..headerSize];
        if (_compression.CompressesSent && length >= _compression.Threshold && _gzip.TryWrite(message, header[PrefixSize..], output))
        {
            return;
        }

        var frame = output.Append(checked(headerSize + length));
        header.CopyTo(frame);
        message.CopyTo(frame[headerSize..]);
    }

    public override int WriteHeader(Span<byte> payload, MessageKind kind, Span<byte> header) => WriteHeader(payload.Length, kind, header);

    // A server's end is its status, in the trailers. A client that closes gracefully without a text just ends its stream.
    public override bool TryWriteClose(ChannelCloseInfo info, ChannelCloseInfo? peerClose, OutputBuffer output)
    {
        if (!_hasEnvelope || _side == ChannelSide.Server || (info.Status == ChannelCloseStatus.Normal && string.IsNullOrEmpty(info.Description)))
        {
            return false;
        }

        output.Write(Envelope.FrameEnd(new EnvelopeEnd(info.Status, info.Description)));
        return true;
    }

    public override ReadStatus Read(Memory<byte> input, ref CodecRead read)
    {
        _gzip.ReleaseInflated(abandon: false);
        ReadOnlySpan<byte> rest = input.Span;
        var start = 0;
        var status = ReadStatus.NeedMore;
        try
        {
            while (status == ReadStatus.NeedMore && !read.IsFull && TryFindFrame(rest, ref read, out var length, out var isCompressed))
            {
                if (isCompressed && read.Count > 0)
                {
                    // Inflated, it is alone in its table.
                    break;
                }

                status = isCompressed
                    ? ReadCompressed(input.Slice(start + PrefixSize, length), ref read)
                    : ReadPlain(rest.Slice(PrefixSize, length), start + PrefixSize, ref read);
                if (status is ReadStatus.EndOfInput or ReadStatus.Closed && read.Count > 0)
                {
                    // Found again by the next call, behind the messages before it.
                    read.Close = null;
                    break;
                }

                start += PrefixSize + length;
                rest = rest[(PrefixSize + length)..];
            }
        }
        catch (Exception e) when (read.Count > 0 && e is MessageFramingException or MessageTooLargeException)
        {
            // Found again by the next call, which tells it.
        }

        read.Consumed = start;
        return read.Count > 0 ? ReadStatus.Messages : status;
    }

    public override void BeginScan()
    {
        _scannedCount = 0;
        _scanSkips = 0;
    }

    public override ReadStatus Scan(ReadOnlySpan<byte> input, ref CodecRead read)
    {
        read.Consumed = input.Length;
        if (!ScansForEnds)
        {
            return ReadStatus.NeedMore;
        }

        var rest = input;
        while (!rest.IsEmpty)
        {
            if (TryScanEnd(ref rest) is { } close)
            {
                read.Consumed = input.Length - rest.Length;
                read.Close = close;
                return ReadStatus.Closed;
            }
        }

        return ReadStatus.NeedMore;
    }

    public override void Release(bool abandon) => _gzip.ReleaseInflated(abandon);

    public static void WritePrefix(Span<byte> output, bool isCompressed, int length)
    {
        output[0] = isCompressed ? (byte)1 : (byte)0;
        BinaryPrimitives.WriteInt32BigEndian(output[1..], length);
    }

    private int WriteHeader(int payloadLength, MessageKind kind, Span<byte> header)
    {
        var added = _hasEnvelope ? Envelope.WriteHeader(payloadLength, kind, header[PrefixSize..]) : 0;
        WritePrefix(header, isCompressed: false, checked(payloadLength + added));
        return PrefixSize + added;
    }

    // Judges a frame as soon as its prefix is there; true when it is there whole.
    private bool TryFindFrame(ReadOnlySpan<byte> input, ref CodecRead read, out int length, out bool isCompressed)
    {
        length = 0;
        isCompressed = false;
        if (input.Length < PrefixSize)
        {
            // The message's length is not known yet, so neither is what is missing.
            read.BytesNeeded = 0;
            return false;
        }

        if (input[0] > 1)
        {
            throw new MessageFramingException(
                $"A gRPC message begins with 0 or 1, not {input[0]}. The peer does not speak gRPC, or bytes were lost.");
        }

        isCompressed = input[0] == 1;
        var declared = BinaryPrimitives.ReadUInt32BigEndian(input[1..]);
        if (declared > _maxFrame)
        {
            throw new MessageTooLargeException(declared, _maxFrame);
        }

        if (isCompressed && !(_compression.IsEnabled && _compression.ReceivedEncoding == GrpcCompression.Gzip))
        {
            throw new MessageFramingException(GrpcCompression.IsIdentity(_compression.ReceivedEncoding)
                ? "A message has the compressed flag although the peer's headers name no grpc-encoding."
                : $"A message is compressed with '{_compression.ReceivedEncoding}', which is not enabled here. Set EnableCompression to accept gzip, or stop the peer from compressing.");
        }

        var missing = PrefixSize + (long)declared - input.Length;
        if (missing > 0)
        {
            read.BytesNeeded = (int)Math.Min(missing, int.MaxValue);
            return false;
        }

        length = (int)declared;
        return true;
    }

    private ReadStatus ReadPlain(ReadOnlySpan<byte> message, int offset, ref CodecRead read)
    {
        if (!_hasEnvelope)
        {
            read.Add(offset, message.Length, MessageKind.Binary);
            return ReadStatus.NeedMore;
        }

        var kind = Envelope.Read(message, out var payloadOffset, out var length, out var end);
        if (end is not null)
        {
            return ReadEnd(end, ref read);
        }

        CheckLength(length);
        read.Add(offset + payloadOffset, length, kind);
        return ReadStatus.NeedMore;
    }

    private ReadStatus ReadCompressed(ReadOnlyMemory<byte> message, ref CodecRead read)
    {
        // Compressors that write nothing for nothing, as .NET's, send an empty message like this.
        var inflated = message.IsEmpty ? default : _gzip.Inflate(message);
        var kind = MessageKind.Binary;
        var offset = 0;
        var length = inflated.Count;
        if (_hasEnvelope)
        {
            kind = Envelope.Read(inflated, out offset, out length, out var end);
            if (end is not null)
            {
                return ReadEnd(end, ref read);
            }
        }

        CheckLength(length);
        read.SetOwned(inflated.Array ?? [], inflated.Offset + offset, length, kind);
        return ReadStatus.Messages;
    }

    // The server's status comes in its trailers, whatever its envelope says.
    private ReadStatus ReadEnd(EnvelopeEnd end, ref CodecRead read)
    {
        if (_side == ChannelSide.Client || end.Status is not { } status)
        {
            return ReadStatus.EndOfInput;
        }

        read.Close = new ChannelCloseInfo(status, IsRemote: true, end.Description);
        return ReadStatus.Closed;
    }

    private void CheckLength(int length)
    {
        if (length > _maxMessageSize)
        {
            throw new MessageTooLargeException(length, _maxMessageSize);
        }
    }

    // Goes on with the frame at hand; the client's close when that is what the frame is and it is there whole.
    private ChannelCloseInfo? TryScanEnd(ref ReadOnlySpan<byte> input)
    {
        if (_scanSkips > 0)
        {
            var skipped = (int)Math.Min(_scanSkips, input.Length);
            _scanSkips -= skipped;
            input = input[skipped..];
            return null;
        }

        if (_scannedFrame.Length == 0)
        {
            _scannedFrame = new byte[PrefixSize + Envelope.AcceptedOverhead];
        }

        if (_scannedCount < PrefixSize)
        {
            TakeScanned(ref input, PrefixSize);
            if (_scannedCount < PrefixSize)
            {
                return null;
            }
        }

        var length = BinaryPrimitives.ReadUInt32BigEndian(_scannedFrame.AsSpan(1));
        if (_scannedFrame[0] != 0 || length is 0 or > Envelope.AcceptedOverhead)
        {
            _scannedCount = 0;
            _scanSkips = length;
            return null;
        }

        TakeScanned(ref input, PrefixSize + (int)length);
        if (_scannedCount > PrefixSize && !Envelope.BeginsWithEnd(_scannedFrame.AsSpan(PrefixSize)))
        {
            _scanSkips = PrefixSize + length - _scannedCount;
            _scannedCount = 0;
            return null;
        }

        if (_scannedCount < PrefixSize + length)
        {
            return null;
        }

        _scannedCount = 0;
        try
        {
            Envelope.Read(_scannedFrame.AsSpan(PrefixSize, (int)length), out _, out _, out var end);
            return end?.Status is { } status ? new ChannelCloseInfo(status, IsRemote: true, end.Description) : null;
        }
        catch (MessageFramingException)
        {
            // The receiver's to find.
            return null;
        }
    }

    private void TakeScanned(ref ReadOnlySpan<byte> input, int upTo)
    {
        var taken = Math.Min(input.Length, upTo - _scannedCount);
        input[..taken].CopyTo(_scannedFrame.AsSpan(_scannedCount));
        _scannedCount += taken;
        input = input[taken..];
    }
}
