using System.Buffers;
using System.Buffers.Binary;
using System.IO.Compression;

namespace Transports;

/// <summary>Reads messages that may be compressed; what comes out of one is held to the same limit as a plain one, while it is inflated.</summary>
internal sealed class GrpcGzipDecoder(IGrpcFraming framing, bool hasEnvelope, GrpcCompression compression, int maxMessageSize) : IGrpcFrameDecoder
{
    private const int FirstSize = 4096;

    // A header of ten bytes, a deflate block of two, a checksum and a size.
    private const int SmallestMember = 20;

    private readonly GrpcFrameDecoder _plain = new(framing, hasEnvelope, compression, maxMessageSize);
    private readonly int _maxInflated = (int)Math.Min(hasEnvelope ? (long)maxMessageSize + Envelope.AcceptedOverhead : maxMessageSize, Array.MaxLength - 1);
    private byte[] _inflated = [];

    public int BytesNeeded { get; private set; }

    public MessageKind LastKind { get; private set; }

    public bool TryReadFrame(ref ReadOnlySequence<byte> buffer, out ReadOnlySequence<byte> payload)
    {
        payload = default;
        if (buffer.Length < GrpcFraming.PrefixSize)
        {
            BytesNeeded = 0;
            return false;
        }

        Span<byte> prefix = stackalloc byte[GrpcFraming.PrefixSize];
        buffer.Slice(0, GrpcFraming.PrefixSize).CopyTo(prefix);
        if (prefix[0] != 1 || !(compression.IsEnabled && compression.ReceivedEncoding == GrpcCompression.Gzip))
        {
            // Not compressed, or not allowed to be: the plain decoder reads it or says why not.
            var done = _plain.TryReadFrame(ref buffer, out payload);
            BytesNeeded = _plain.BytesNeeded;
            LastKind = _plain.LastKind;
            return done;
        }

        var length = GrpcFrameDecoder.ReadPrefix(prefix, _maxInflated, out _);
        var whole = (long)GrpcFraming.PrefixSize + length;
        if (buffer.Length < whole)
        {
            BytesNeeded = (int)(whole - buffer.Length);
            return false;
        }

        // Compressors that write nothing for nothing, as .NET's, send an empty message like this.
        var size = length == 0 ? 0 : Inflate(buffer.Slice(GrpcFraming.PrefixSize, length));
        var offset = 0;
        if (hasEnvelope)
        {
            LastKind = Envelope.Read(_inflated.AsSpan(0, size), out offset, out size, out var end);
            if (end is not null)
            {
                framing.EndReceived?.Invoke(end);
                return false;
            }
        }

        if (size > maxMessageSize)
        {
            throw new MessageTooLargeException(size, maxMessageSize);
        }

        payload = new ReadOnlySequence<byte>(_inflated, offset, size);
        buffer = buffer.Slice(whole);
        return true;
    }

    // GZipStream takes an end in the middle for the end. A whole member closes with its inflated size (RFC 1952, section 2.3.1); gRPC's
    // messages are one member each.
    private static bool IsWhole(in ReadOnlySequence<byte> compressed, int size)
    {
        if (compressed.Length < SmallestMember)
        {
            return false;
        }

        Span<byte> closing = stackalloc byte[sizeof(uint)];
        compressed.Slice(compressed.Length - sizeof(uint)).CopyTo(closing);
        return BinaryPrimitives.ReadUInt32LittleEndian(closing) == (uint)size;
    }

    private int Inflate(in ReadOnlySequence<byte> compressed)
    {
        // The channel's buffer is one piece, so this copies nothing in practice.
        using var input = compressed.IsSingleSegment && System.Runtime.InteropServices.MemoryMarshal.TryGetArray(compressed.First, out var array)
            ? new MemoryStream(array.Array!, array.Offset, array.Count, writable: false)
            : new MemoryStream(compressed.ToArray(), writable: false);
        using var gzip = new GZipStream(input, CompressionMode.Decompress);
        var size = 0;
        try
        {
            while (true)
            {
                if (size == _inflated.Length)
                {
                    // One byte over the limit is enough to know that it is passed.
                    var larger = (int)Math.Min(Math.Max(FirstSize, size * 2L), (long)_maxInflated + 1);
                    Array.Resize(ref _inflated, larger);
                }

                var count = gzip.Read(_inflated, size, _inflated.Length - size);
                if (count == 0)
                {
                    return IsWhole(compressed, size)
                        ? size
                        : throw new MessageFramingException("A message is marked as gzip and is cut short, or more than one gzip member.");
                }

                size += count;
                if (size > _maxInflated)
                {
                    throw new MessageTooLargeException(size, maxMessageSize);
                }
            }
        }
        catch (InvalidDataException e)
        {
            throw new MessageFramingException("A message is marked as gzip and cannot be inflated.", e);
        }
    }
}
