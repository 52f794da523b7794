using System.Buffers;
using System.IO.Compression;

namespace Transports.WebSockets;

/// <summary>permessage-deflate's payloads (RFC 7692, section 7.2) without context takeover: every message stands alone, so an idle channel keeps no window.</summary>
internal static class WebSocketDeflate
{
    // Below this, the header that deflate adds eats what it saves.
    public const int MinMessage = 64;

    // A sender that ends each message with a final block writes one. Each costs a new inflater, so that two bytes of a hostile message
    // would buy microseconds.
    private const int MaxFinalBlocks = 64;

    /// <summary>Compresses a payload.</summary>
    public static void Compress(in ReadOnlySequence<byte> payload, PooledBufferWriter output)
    {
        using var deflate = new DeflateStream(output, CompressionLevel.Fastest, leaveOpen: true);
        foreach (var segment in payload)
        {
            deflate.Write(segment.Span);
        }

        // Flushing ends a block; disposing would add another, so the length is taken before.
        deflate.Flush();
        var length = output.Count - 4;
        deflate.Dispose();
        output.Advance(length - output.Count);
    }

    /// <summary>Inflates a payload, giving up as soon as it is over the limit.</summary>
    /// <exception cref="MessageTooLargeException">It is over the limit.</exception>
    /// <exception cref="InvalidPayloadException">It is not what deflate writes.</exception>
    public static void Inflate(ReadOnlyMemory<byte> payload, PooledBufferWriter output, int limit)
    {
        try
        {
            var input = new InflaterInput(payload, byByte: false);
            InflateStream(input, output, limit);
            if (!input.IsConsumed)
            {
                // A final block ended deflate's stream before the message's end (RFC 7692, section 7.2.3.4), and the platform's inflater has taken
                // bytes behind it, nobody knows how many. So once more, in steps of one byte.
                output.Clear(int.MaxValue);
                InflateStreams(new InflaterInput(payload, byByte: true), output, limit);
            }
        }
        catch (InvalidDataException e)
        {
            throw new InvalidPayloadException("A compressed WebSocket message cannot be inflated.", e);
        }
    }

    private static void InflateStreams(InflaterInput input, PooledBufferWriter output, int limit)
    {
        for (var i = 0; !input.IsConsumed; i++)
        {
            if (i == MaxFinalBlocks)
            {
                throw new InvalidPayloadException($"A compressed WebSocket message has more than {MaxFinalBlocks} final blocks.");
            }

            InflateStream(input, output, limit);
        }
    }

    private static void InflateStream(InflaterInput input, PooledBufferWriter output, int limit)
    {
        using var inflate = new DeflateStream(input, CompressionMode.Decompress, leaveOpen: true);
        while (true)
        {
            var room = output.GetSpan(4096);
            var count = inflate.Read(room);
            if (count == 0)
            {
                return;
            }

            output.Advance(count);
            if (output.Count > limit)
            {
                throw new MessageTooLargeException(output.Count, limit);
            }
        }
    }
}
