using System.Buffers;
using System.Buffers.Binary;
using System.IO.Compression;
using System.Runtime.InteropServices;

namespace Transports.Grpc;

/// <summary>Messages that are compressed one by one with gzip (PROTOCOL-HTTP2.md, "Message-Encoding"). Belongs to one codec.</summary>
/// <param name="maxInflated">The most that may come out of one message, in bytes; held to while it is inflated.</param>
/// <param name="maxMessageSize">The channel's limit, for the exception.</param>
/// <param name="pool">Where memory comes from.</param>
internal sealed class GrpcGzip(long maxInflated, int maxMessageSize, ArrayPool<byte> pool)
{
    private const int FirstSize = 4096;

    // A header of ten bytes, a deflate block of two, a checksum and a size.
    private const int MinMember = 20;

    private readonly int _maxInflated = (int)Math.Min(maxInflated, Array.MaxLength - 1);

    // Messages are written under the channel's gate, one at a time, so one scratch serves them all.
    private readonly PooledBufferWriter _deflated = new(pool);
    private byte[] _inflated = [];

    /// <summary>Writes a message compressed.</summary>
    /// <param name="message">The message.</param>
    /// <param name="header">What stands before the payload inside.</param>
    /// <param name="output">Where to.</param>
    /// <returns><see langword="false"/> when gzip does not make it smaller, and nothing was written.</returns>
    public bool TryWrite(in Message message, ReadOnlySpan<byte> header, OutputBuffer output)
    {
        try
        {
            using (var gzip = new GZipStream(_deflated, CompressionLevel.Fastest, leaveOpen: true))
            {
                gzip.Write(header);
                foreach (var piece in message.Payload)
                {
                    gzip.Write(piece.Span);
                }
            }

            var length = _deflated.Count;
            if (length >= message.Length)
            {
                return false;
            }

            var frame = output.Append(GrpcCodec.PrefixSize + length);
            GrpcCodec.WritePrefix(frame, isCompressed: true, length);
            _deflated.WrittenSpan.CopyTo(frame[GrpcCodec.PrefixSize..]);
            return true;
        }
        finally
        {
            _deflated.Clear();
        }
    }

    /// <summary>Inflates one message.</summary>
    /// <param name="compressed">The message.</param>
    /// <returns>What came out, in memory that stays as it is until <see cref="ReleaseInflated"/>.</returns>
    /// <exception cref="MessageFramingException">It is not one whole member of gzip.</exception>
    /// <exception cref="MessageTooLargeException">More comes out than the limit.</exception>
    public ArraySegment<byte> Inflate(ReadOnlyMemory<byte> compressed)
    {
        // The channel's buffer is an array, so this copies nothing in practice.
        using var input = MemoryMarshal.TryGetArray(compressed, out var array)
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
                    Grow(size);
                }

                // One byte over the limit is enough to know that it is passed.
                var count = gzip.Read(_inflated, size, (int)Math.Min(_inflated.Length, _maxInflated + 1L) - size);
                if (count == 0)
                {
                    return IsWhole(compressed.Span, size)
                        ? new ArraySegment<byte>(_inflated, 0, size)
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

    /// <summary>Gives back the memory that the last message was inflated into.</summary>
    /// <param name="abandon">Somebody may still look at it: leave it to the collector.</param>
    public void ReleaseInflated(bool abandon)
    {
        var array = _inflated;
        if (array.Length == 0)
        {
            return;
        }

        _inflated = [];
        if (!abandon)
        {
            pool.Return(array);
        }
        else if (pool is IBufferPoolObserver observer)
        {
            observer.Abandon(array);
        }
    }

    // GZipStream takes an end in the middle for the end. A whole member closes with its inflated size (RFC 1952, section 2.3.1); gRPC's
    // messages are one member each.
    private static bool IsWhole(ReadOnlySpan<byte> compressed, int size)
        => compressed.Length >= MinMember && BinaryPrimitives.ReadUInt32LittleEndian(compressed[^sizeof(uint)..]) == (uint)size;

    private void Grow(int size)
    {
        var larger = pool.Rent((int)Math.Min(Math.Max(FirstSize, size * 2L), _maxInflated + 1L));
        _inflated.AsSpan(0, size).CopyTo(larger);
        ReleaseInflated(abandon: false);
        _inflated = larger;
    }
}
