using System.Buffers.Binary;

namespace Transports;

/// <summary>Reads uncompressed messages, and refuses compressed ones.</summary>
internal sealed class GrpcFrameDecoder(IGrpcFraming framing, bool hasEnvelope, GrpcCompression compression, int maxMessageSize) : ContiguousFrameDecoder, IGrpcFrameDecoder
{
    private readonly long _maxFrame = hasEnvelope ? (long)maxMessageSize + Envelope.AcceptedOverhead : maxMessageSize;

    public MessageKind LastKind { get; private set; }

    /// <summary>Reads a prefix that is there whole.</summary>
    /// <param name="prefix">At least <see cref="GrpcFraming.PrefixSize"/> bytes.</param>
    /// <param name="limit">The longest message accepted, in bytes.</param>
    /// <param name="isCompressed">Whether the flag is set.</param>
    /// <returns>The message's length, at most <paramref name="limit"/>.</returns>
    public static int ReadPrefix(ReadOnlySpan<byte> prefix, long limit, out bool isCompressed)
    {
        if (prefix[0] > 1)
        {
            throw new MessageFramingException(
                $"A gRPC message begins with 0 or 1, not {prefix[0]}. The peer does not speak gRPC, or bytes were lost.");
        }

        isCompressed = prefix[0] == 1;
        var length = BinaryPrimitives.ReadUInt32BigEndian(prefix[1..]);
        return length <= limit ? (int)length : throw new MessageTooLargeException(length, limit);
    }

    public override bool TryReadFrame(ReadOnlySpan<byte> buffer, out int payloadOffset, out int payloadLength, out int consumed)
    {
        payloadOffset = GrpcFraming.PrefixSize;
        payloadLength = consumed = 0;
        if (buffer.Length < GrpcFraming.PrefixSize)
        {
            // The message's length is not known yet, so neither is what is missing.
            BytesNeeded = 0;
            return false;
        }

        var length = ReadPrefix(buffer, _maxFrame, out var isCompressed);
        if (isCompressed)
        {
            throw new MessageFramingException(GrpcCompression.IsIdentity(compression.ReceivedEncoding)
                ? "A message has the compressed flag although the peer's headers name no grpc-encoding."
                : $"A message is compressed with '{compression.ReceivedEncoding}', which is not enabled here. Set EnableGzip to accept gzip, or stop the peer from compressing.");
        }

        consumed = GrpcFraming.PrefixSize + length;
        if (buffer.Length < consumed)
        {
            BytesNeeded = consumed - buffer.Length;
            return false;
        }

        if (!hasEnvelope)
        {
            payloadLength = length;
            return true;
        }

        LastKind = Envelope.Read(buffer.Slice(GrpcFraming.PrefixSize, length), out var offset, out payloadLength, out var end);
        if (end is not null)
        {
            payloadLength = 0;
            framing.EndReceived?.Invoke(end);
            return false;
        }

        payloadOffset += offset;
        return payloadLength <= maxMessageSize ? true : throw new MessageTooLargeException(payloadLength, maxMessageSize);
    }
}
