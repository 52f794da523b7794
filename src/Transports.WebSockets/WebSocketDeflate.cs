using System.Buffers;
using System.IO.Compression;

namespace Transports;

/// <summary>permessage-deflate (RFC 7692) without context takeover: every message stands alone, so an idle channel keeps no window.</summary>
internal static class WebSocketDeflate
{
    public const string Name = "permessage-deflate";

    /// <summary>What this side offers as a client and answers as a server.</summary>
    public const string Parameters = $"{Name}; server_no_context_takeover; client_no_context_takeover";

    // Below this, the header that deflate adds eats what it saves.
    public const int SmallestMessage = 64;

    // The end of every sync-flushed block, cut off by the sender (RFC 7692, section 7.2.1), then an empty last block, so that the
    // inflater knows the end.
    private static readonly byte[] End = [0x00, 0x00, 0xFF, 0xFF, 0x01, 0x00, 0x00, 0xFF, 0xFF];

    /// <summary>Compresses a payload.</summary>
    public static void Compress(in ReadOnlySequence<byte> payload, PooledBytes output)
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
    public static void Inflate(ReadOnlyMemory<byte> payload, PooledBytes output, int limit)
    {
        using var inflate = new DeflateStream(new Input(payload), CompressionMode.Decompress);
        try
        {
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
        catch (InvalidDataException e)
        {
            throw new InvalidPayloadException("A compressed WebSocket message cannot be inflated.", e);
        }
    }

    /// <summary>Whether a client's offers hold one that this side can answer with <see cref="Parameters"/> (RFC 7692, section 7.1).</summary>
    /// <param name="offers">The values of Sec-WebSocket-Extensions.</param>
    public static bool IsOfferedBy(IEnumerable<string?> offers)
        => offers.SelectMany(static value => (value ?? "").Split(',')).Any(static offer => Parse(offer) is { } parameters
            && parameters.All(static parameter => parameter.Key is "server_no_context_takeover" or "client_no_context_takeover" or "client_max_window_bits"

                // A smaller window of our own cannot be asked from the platform's deflate.
                || (parameter.Key == "server_max_window_bits" && parameter.Value == "15")));

    /// <summary>Whether a server's answer accepts the offer, as it stands in <see cref="Parameters"/>.</summary>
    /// <param name="answers">The values of Sec-WebSocket-Extensions.</param>
    /// <exception cref="TransportException">The answer is not one to this offer.</exception>
    public static bool IsAcceptedBy(IReadOnlyCollection<string> answers)
    {
        if (answers.Count == 0)
        {
            return false;
        }

        var answer = string.Join(", ", answers);
        if (Parse(answer) is { } parameters
            && parameters.ContainsKey("server_no_context_takeover")
            && parameters.All(static parameter => parameter.Key is "server_no_context_takeover" or "client_no_context_takeover" or "server_max_window_bits"))
        {
            return true;
        }

        throw new TransportException($"The server answered with the WebSocket extension '{answer}', which was not offered. Turn UseCompression off to talk to it without.");
    }

    private static Dictionary<string, string>? Parse(string extension)
    {
        var parts = extension.Split(';', StringSplitOptions.TrimEntries);
        if (!parts[0].Equals(Name, StringComparison.OrdinalIgnoreCase))
        {
            return null;
        }

        var parameters = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (var part in parts.AsSpan(1))
        {
            var equals = part.IndexOf('=', StringComparison.Ordinal);
            var name = equals < 0 ? part : part[..equals].TrimEnd();
            if (!parameters.TryAdd(name.ToLowerInvariant(), equals < 0 ? "" : part[(equals + 1)..].Trim().Trim('"')))
            {
                return null;
            }
        }

        return parameters;
    }

    private sealed class Input(ReadOnlyMemory<byte> payload) : Stream
    {
        private ReadOnlyMemory<byte> _left = payload;
        private bool _inEnd;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override int Read(Span<byte> buffer)
        {
            if (_left.IsEmpty && !_inEnd)
            {
                _left = End;
                _inEnd = true;
            }

            var count = Math.Min(buffer.Length, _left.Length);
            _left.Span[..count].CopyTo(buffer);
            _left = _left[count..];
            return count;
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
