using System.Buffers;

namespace Transports.Grpc.Tests;

/// <summary>A codec by itself: bytes in, results out.</summary>
internal sealed class CodecHarness
{
    private CodecRead _read = new() { Frames = new MessageFrame[CodecRead.MaxMessages] };

    public CodecHarness(ChannelSide side = ChannelSide.Server, bool hasEnvelope = false, int maxMessageSize = 100_000, bool gzip = false, int threshold = 0, string? received = null)
        => Codec = new GrpcCodec(
            side,
            hasEnvelope,
            new GrpcCompression { IsEnabled = gzip, CompressesSent = gzip, Threshold = threshold, ReceivedEncoding = received ?? (gzip ? GrpcCompression.Gzip : null) },
            new MessageChannelOptions { MaxMessageSize = maxMessageSize });

    public GrpcCodec Codec { get; }

    public int BytesNeeded => _read.BytesNeeded;

    public ChannelCloseInfo? Close => _read.Close;

    public byte[] Write(params Message[] messages)
    {
        var output = new OutputBuffer(ArrayPool<byte>.Shared);
        foreach (var message in messages)
        {
            Codec.Write(message, output);
        }

        return output.WrittenMemory.ToArray();
    }

    public (bool Written, byte[] Bytes) WriteClose(ChannelCloseStatus status, string? description)
    {
        var output = new OutputBuffer(ArrayPool<byte>.Shared);
        var written = Codec.TryWriteClose(new ChannelCloseInfo(status, IsRemote: false, description), peerClose: null, output);
        return (written, output.WrittenMemory.ToArray());
    }

    /// <summary>One call with bytes.</summary>
    public (ReadStatus Status, int Consumed) Read(byte[] input, List<(byte[] Payload, MessageKind Kind)>? messages = null)
    {
        _read.Clear(scanned: 0);
        var status = Codec.Read(input, ref _read);
        for (var i = 0; i < _read.Count; i++)
        {
            var frame = _read.Frames[i];
            messages?.Add(((_read.OwnedArray ?? input).AsSpan(frame.Offset, frame.Length).ToArray(), frame.Kind));
        }

        return (status, _read.Consumed);
    }

    /// <summary>Reads as a channel does, with more and more bytes at hand.</summary>
    /// <param name="input">All bytes.</param>
    /// <param name="piece">How many come at once.</param>
    /// <param name="messages">What was found.</param>
    /// <returns>How it went on behind the last message.</returns>
    public ReadStatus ReadAll(byte[] input, int piece, List<(byte[] Payload, MessageKind Kind)> messages)
    {
        var start = 0;
        for (var end = Math.Min(piece, input.Length); ; end = Math.Min(end + piece, input.Length))
        {
            while (true)
            {
                var (status, consumed) = Read(input[start..end], messages);
                start += consumed;
                if (status is ReadStatus.Closed or ReadStatus.EndOfInput)
                {
                    return status;
                }

                if (status == ReadStatus.NeedMore)
                {
                    break;
                }
            }

            if (end == input.Length)
            {
                return ReadStatus.NeedMore;
            }
        }
    }

    /// <summary>Scans in pieces; the status of the first piece that had something.</summary>
    public ReadStatus Scan(byte[] input, int piece)
    {
        var read = new CodecRead { Frames = _read.Frames };
        Codec.BeginScan();
        for (var at = 0; at < input.Length; at += piece)
        {
            read.Clear(scanned: 0);
            var status = Codec.Scan(input.AsSpan(at, Math.Min(piece, input.Length - at)), ref read);
            if (status != ReadStatus.NeedMore)
            {
                _read.Close = read.Close;
                return status;
            }
        }

        return ReadStatus.NeedMore;
    }
}
