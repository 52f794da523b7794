using System.Buffers.Binary;

namespace Transports.Benchmarks;

/// <summary>
/// What somebody in a hurry for speed writes on a raw connection: a length of four bytes before each payload, one buffer each
/// way, async calls straight on the socket. The same bytes on the wire as the library's.
/// </summary>
/// <typeparam name="TBytes">The connection.</typeparam>
/// <remarks>
/// Ping-pong is the plain loop: send, then receive. A flood copies frames into a buffer and writes it when it holds 64 KiB;
/// frames that large themselves are written from where they are. A pipelined echo writes once per read.
/// </remarks>
internal sealed class ByteStreamBaseline<TBytes> : IBenchmarkSide
    where TBytes : struct, IRawBytes
{
    private const int HeaderSize = 4;
    private const int WriteSize = 64 * 1024;
    private const int ReadSize = 128 * 1024;

    private readonly Work _work;
    private readonly int _writeSize;
    private readonly IReadOnlyList<(TBytes Client, TBytes Server)> _pairs;
    private readonly Task[] _echoes;
    private readonly byte[] _payload;

    /// <summary>Takes over connected pairs.</summary>
    /// <param name="work">What to do.</param>
    /// <param name="pairs">The two ends of each connection.</param>
    /// <param name="writeSize">How many bytes a flood gathers for one write; 0 for a write per message.</param>
    public ByteStreamBaseline(Work work, IReadOnlyList<(TBytes Client, TBytes Server)> pairs, int writeSize = WriteSize)
    {
        _writeSize = writeSize;
        _work = work;
        _pairs = pairs;
        _payload = new byte[work.PayloadSize];
        _payload.AsSpan().Fill(0x2A);
        _echoes = work.Pattern switch
        {
            WorkPattern.PingPong => [.. pairs.Select(pair => Task.Run(() => EchoAsync(pair.Server)))],
            WorkPattern.Pipelined => [.. pairs.Select(pair => Task.Run(() => EchoAllReadAsync(pair.Server)))],
            _ => [],
        };
    }

    public Task RunAsync(long messages)
    {
        var each = messages / _pairs.Count;
        return Task.WhenAll(_pairs.Select(pair => RunAsync(pair.Client, pair.Server, each)));
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var (client, server) in _pairs)
        {
            client.Dispose();
            server.Dispose();
        }

        await Task.WhenAll(_echoes).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private static async Task EchoAsync(TBytes bytes)
    {
        var buffer = new byte[ReadSize];
        while (true)
        {
            var have = 0;
            while (have < HeaderSize || have < HeaderSize + LengthAt(buffer))
            {
                var count = await bytes.ReceiveAsync(buffer.AsMemory(have));
                if (count == 0)
                {
                    return;
                }

                have += count;
            }

            await bytes.SendAsync(buffer.AsMemory(0, have));
        }
    }

    private static async Task EchoAllReadAsync(TBytes bytes)
    {
        var input = new byte[ReadSize];
        var output = new byte[ReadSize];
        var end = 0;
        while (true)
        {
            var count = await bytes.ReceiveAsync(input.AsMemory(end));
            if (count == 0)
            {
                return;
            }

            end += count;
            var start = 0;
            while (end - start >= HeaderSize && end - start >= HeaderSize + LengthAt(input, start))
            {
                // An answer of its own for each message, as a server would write.
                var size = HeaderSize + LengthAt(input, start);
                input.AsSpan(start, size).CopyTo(output.AsSpan(start));
                start += size;
            }

            if (start > 0)
            {
                await bytes.SendAsync(output.AsMemory(0, start));
                input.AsSpan(start, end - start).CopyTo(input);
                end -= start;
            }
        }
    }

    private static async Task ReceiveAsync(TBytes bytes, long messages)
    {
        var buffer = new byte[ReadSize];
        var end = 0;
        long sum = 0;
        long received = 0;
        while (received < messages)
        {
            var count = await bytes.ReceiveAsync(buffer.AsMemory(end));
            if (count == 0)
            {
                throw new EndOfStreamException();
            }

            end += count;
            var start = 0;
            while (end - start >= HeaderSize && end - start >= HeaderSize + LengthAt(buffer, start))
            {
                sum += buffer[start + HeaderSize];
                received++;
                start += HeaderSize + LengthAt(buffer, start);
            }

            buffer.AsSpan(start, end - start).CopyTo(buffer);
            end -= start;
        }

        Check(sum, messages);
    }

    private static int LengthAt(byte[] buffer, int offset = 0)
    {
        var length = BinaryPrimitives.ReadInt32BigEndian(buffer.AsSpan(offset));
        return (uint)length <= ReadSize - HeaderSize ? length : throw new InvalidDataException($"A length of {length}.");
    }

    private static void Check(long sum, long messages)
    {
        if (sum != messages * 0x2A)
        {
            throw new InvalidDataException("Other bytes arrived than were sent.");
        }
    }

    private Task RunAsync(TBytes client, TBytes server, long messages)
    {
        switch (_work.Pattern)
        {
            case WorkPattern.PingPong:
                return Task.Run(() => PingPongAsync(client, messages));
            case WorkPattern.Pipelined:
                return Task.Run(() => PipelineAsync(client, messages));
            default:
                var receiving = Task.Run(() => ReceiveAsync(server, messages));

                // Senders that share a socket take turns, a whole buffer each.
                var turn = _work.Senders > 1 ? new SemaphoreSlim(1) : null;
                var sending = Enumerable.Range(0, _work.Senders).Select(_ => Task.Run(() => SendAsync(client, messages / _work.Senders, turn)));
                return Task.WhenAll([receiving, .. sending]);
        }
    }

    private async Task PingPongAsync(TBytes bytes, long messages)
    {
        var output = new byte[HeaderSize + _payload.Length];
        var input = new byte[ReadSize];
        long sum = 0;
        for (long i = 0; i < messages; i++)
        {
            WriteFrame(output);
            await bytes.SendAsync(output);
            var have = 0;
            while (have < HeaderSize || have < HeaderSize + LengthAt(input))
            {
                var count = await bytes.ReceiveAsync(input.AsMemory(have));
                if (count == 0)
                {
                    throw new EndOfStreamException();
                }

                have += count;
            }

            sum += input[HeaderSize];
        }

        Check(sum, messages);
    }

    private async Task PipelineAsync(TBytes bytes, long messages)
    {
        var output = new byte[Work.Window * (HeaderSize + _payload.Length)];
        var input = new byte[ReadSize];
        var end = 0;
        long sent = 0;
        long received = 0;
        long sum = 0;
        while (received < messages)
        {
            var filled = 0;
            for (; sent < messages && sent - received < Work.Window; sent++)
            {
                filled += WriteFrame(output.AsSpan(filled));
            }

            if (filled > 0)
            {
                await bytes.SendAsync(output.AsMemory(0, filled));
            }

            var count = await bytes.ReceiveAsync(input.AsMemory(end));
            if (count == 0)
            {
                throw new EndOfStreamException();
            }

            end += count;
            var start = 0;
            while (end - start >= HeaderSize && end - start >= HeaderSize + LengthAt(input, start))
            {
                sum += input[start + HeaderSize];
                received++;
                start += HeaderSize + LengthAt(input, start);
            }

            input.AsSpan(start, end - start).CopyTo(input);
            end -= start;
        }

        Check(sum, messages);
    }

    private async Task SendAsync(TBytes bytes, long messages, SemaphoreSlim? turn)
    {
        var frameSize = HeaderSize + _payload.Length;
        var output = new byte[Math.Max(_writeSize, frameSize)];
        var framed = frameSize >= _writeSize;
        if (framed)
        {
            WriteFrame(output);
        }

        for (long sent = 0; sent < messages;)
        {
            var filled = framed ? frameSize : 0;
            sent += framed ? 1 : 0;
            for (; sent < messages && filled + frameSize <= output.Length; sent++)
            {
                filled += WriteFrame(output.AsSpan(filled));
            }

            if (turn is null)
            {
                await bytes.SendAsync(output.AsMemory(0, filled));
                continue;
            }

            await turn.WaitAsync();
            try
            {
                await bytes.SendAsync(output.AsMemory(0, filled));
            }
            finally
            {
                turn.Release();
            }
        }
    }

    private int WriteFrame(Span<byte> output)
    {
        BinaryPrimitives.WriteInt32BigEndian(output, _payload.Length);
        _payload.CopyTo(output[HeaderSize..]);
        return HeaderSize + _payload.Length;
    }
}
