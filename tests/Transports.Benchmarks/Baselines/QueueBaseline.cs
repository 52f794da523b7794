using System.Threading.Channels;

namespace Transports.Benchmarks;

/// <summary>
/// What takes the place of a connection inside a process when written by hand: a bounded queue of arrays each way. As with a
/// connection, the sender's memory is its own again, so each message is a copy.
/// </summary>
internal sealed class QueueBaseline : IBenchmarkSide
{
    // As many 64-byte messages as a channel holds by default, about.
    private const int Capacity = 1024;

    private readonly Work _work;
    private readonly byte[] _payload;
    private readonly List<(Channel<byte[]> There, Channel<byte[]> Back)> _pairs;
    private readonly Task[] _echoes;

    /// <summary>Makes the queues.</summary>
    /// <param name="work">What to do.</param>
    public QueueBaseline(Work work)
    {
        _work = work;
        _payload = new byte[work.PayloadSize];
        _payload.AsSpan().Fill(0x2A);
        _pairs = [.. Enumerable.Range(0, work.Connections).Select(_ => (NewQueue(work), NewQueue(work)))];
        _echoes = work.Pattern == WorkPattern.Flood ? [] : [.. _pairs.Select(pair => Task.Run(() => EchoAsync(pair.There.Reader, pair.Back.Writer)))];
    }

    public Task RunAsync(long messages)
    {
        var each = messages / _pairs.Count;
        return Task.WhenAll(_pairs.Select(pair => RunAsync(pair.There, pair.Back, each)));
    }

    public async ValueTask DisposeAsync()
    {
        _pairs.ForEach(pair => pair.There.Writer.Complete());
        await Task.WhenAll(_echoes);
    }

    private static Channel<byte[]> NewQueue(Work work) => Channel.CreateBounded<byte[]>(new BoundedChannelOptions(Capacity)
    {
        SingleReader = true,
        SingleWriter = work.Senders == 1,
    });

    private static async Task EchoAsync(ChannelReader<byte[]> input, ChannelWriter<byte[]> output)
    {
        while (await input.WaitToReadAsync())
        {
            while (input.TryRead(out var message))
            {
                await output.WriteAsync([.. message]);
            }
        }
    }

    private static async Task ReceiveAsync(ChannelReader<byte[]> input, long messages)
    {
        long sum = 0;
        long received = 0;
        while (received < messages && await input.WaitToReadAsync())
        {
            while (input.TryRead(out var message))
            {
                sum += message[0];
                received++;
            }
        }

        Check(sum, messages);
    }

    private static void Check(long sum, long messages)
    {
        if (sum != messages * 0x2A)
        {
            throw new InvalidDataException("Other bytes arrived than were sent.");
        }
    }

    private Task RunAsync(Channel<byte[]> there, Channel<byte[]> back, long messages)
    {
        switch (_work.Pattern)
        {
            case WorkPattern.PingPong:
                return Task.Run(() => ExchangeAsync(there.Writer, back.Reader, messages, window: 1));
            case WorkPattern.Pipelined:
                return Task.Run(() => ExchangeAsync(there.Writer, back.Reader, messages, Work.Window));
            default:
                var receiving = Task.Run(() => ReceiveAsync(there.Reader, messages));
                var sending = Enumerable.Range(0, _work.Senders).Select(_ => Task.Run(() => SendAsync(there.Writer, messages / _work.Senders)));
                return Task.WhenAll([receiving, .. sending]);
        }
    }

    private async Task SendAsync(ChannelWriter<byte[]> output, long messages)
    {
        for (long i = 0; i < messages; i++)
        {
            await output.WriteAsync([.. _payload]);
        }
    }

    private async Task ExchangeAsync(ChannelWriter<byte[]> output, ChannelReader<byte[]> input, long messages, int window)
    {
        long sent = 0;
        long sum = 0;
        for (long received = 0; received < messages; received++)
        {
            for (; sent < messages && sent - received < window; sent++)
            {
                await output.WriteAsync([.. _payload]);
            }

            sum += (await input.ReadAsync())[0];
        }

        Check(sum, messages);
    }
}
