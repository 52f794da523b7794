using System.Buffers;
using System.IO.Compression;

namespace Transports;

/// <summary>Messages that may be compressed one by one with gzip (PROTOCOL-HTTP2.md, "Message-Encoding"). Belongs to one channel.</summary>
/// <remarks>Messages below the threshold, and those that gzip does not make smaller, go out as they are: the flag says so per message.</remarks>
internal sealed class GrpcGzipFraming(bool hasEnvelope, GrpcCompression compression) : IGrpcFraming
{
    private readonly GrpcFraming _plain = new(hasEnvelope, compression);

    // Messages are written under the channel's gate, one at a time, so one scratch serves them all.
    private readonly MemoryStream _scratch = new();

    public Action<EnvelopeEnd>? EndReceived { get; set; }

    public string Name => _plain.Name + "-gzip";

    public IFrameDecoder CreateDecoder(int maxMessageSize) => new GrpcGzipDecoder(this, hasEnvelope, compression, maxMessageSize);

    public void WriteFrame(in ReadOnlySequence<byte> payload, IBufferWriter<byte> output)
        => WriteFrame(new Message(payload), output);

    public void WriteFrame(in Message message, IBufferWriter<byte> output)
    {
        if (!compression.CompressesSent || message.Length < compression.Threshold)
        {
            _plain.WriteFrame(message, output);
            return;
        }

        var payload = message.Payload;
        _scratch.SetLength(0);
        using (var gzip = new GZipStream(_scratch, CompressionLevel.Fastest, leaveOpen: true))
        {
            if (hasEnvelope)
            {
                Span<byte> header = stackalloc byte[Envelope.MaxOverhead];
                gzip.Write(header[..Envelope.WriteHeader((int)payload.Length, message.Kind, header)]);
            }

            foreach (var piece in payload)
            {
                gzip.Write(piece.Span);
            }
        }

        var length = (int)_scratch.Length;
        if (length >= payload.Length)
        {
            _plain.WriteFrame(message, output);
            return;
        }

        var span = output.GetSpan(GrpcFraming.PrefixSize + length);
        GrpcFraming.WritePrefix(span, isCompressed: true, length);
        _scratch.GetBuffer().AsSpan(0, length).CopyTo(span[GrpcFraming.PrefixSize..]);
        output.Advance(GrpcFraming.PrefixSize + length);
    }
}
