namespace Transports.Benchmarks;

/// <summary>Does a work through <see cref="IMessageChannel"/>, as an application would.</summary>
internal sealed class ChannelSubject : IBenchmarkSide
{
    private readonly Work _work;
    private readonly IReadOnlyList<(IMessageChannel Client, IMessageChannel Server)> _pairs;
    private readonly IAsyncDisposable? _listener;
    private readonly DelayedPath? _path;
    private readonly Task[] _echoes;
    private readonly byte[] _payload;

    /// <summary>Takes over connected channels.</summary>
    /// <param name="work">What to do.</param>
    /// <param name="pairs">The two ends of each connection.</param>
    /// <param name="listener">Disposed at the end.</param>
    /// <param name="path">Disposed at the end, too.</param>
    public ChannelSubject(Work work, IReadOnlyList<(IMessageChannel Client, IMessageChannel Server)> pairs, IAsyncDisposable? listener = null, DelayedPath? path = null)
    {
        _work = work;
        _pairs = pairs;
        _listener = listener;
        _path = path;
        _payload = new byte[work.PayloadSize];
        _payload.AsSpan().Fill(0x2A);
        _echoes = work.Pattern is WorkPattern.Flood or WorkPattern.Lone
            ? []
            : [.. pairs.Select(pair => Task.Run(() => work.BatchSize > 1 ? EchoBatchesAsync(pair.Server) : EchoAsync(pair.Server)))];
    }

    /// <summary>Connects as many channels as the work needs through a listener.</summary>
    /// <param name="work">What to do.</param>
    /// <param name="listener">A listener; taken over.</param>
    /// <param name="connect">Connects to the address it listens at.</param>
    public static async Task<IBenchmarkSide> OpenAsync(Work work, IMessageListener listener, Func<Uri, ValueTask<IMessageChannel>> connect)
    {
        var path = DelayedPath.Open(work, DelayedPath.WireOf(listener.LocalAddress), listener.LocalAddress);
        var pairs = new List<(IMessageChannel, IMessageChannel)>();
        for (var i = 0; i < work.Connections; i++)
        {
            var accepting = listener.AcceptAsync().AsTask();
            var client = await connect(path.Address);
            if (!client.Characteristics.IsReliable)
            {
                // The listener of a transport without connections hears of a peer by its first message.
                await client.SendAsync(new byte[1]);
            }

            var server = await accepting ?? throw new InvalidOperationException("The listener stopped.");
            if (!client.Characteristics.IsReliable)
            {
                await server.ReceiveAsync();
            }

            pairs.Add((client, server));
        }

        return new ChannelSubject(work, pairs, listener, path);
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
            client.Abort();
            server.Abort();
        }

        await Task.WhenAll(_echoes).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (_listener is not null)
        {
            await _listener.DisposeAsync();
        }

        if (_path is not null)
        {
            await _path.DisposeAsync();
        }
    }

    private static async Task EchoAsync(IMessageChannel channel)
    {
        while (await channel.ReceiveAsync() is { } message)
        {
            await channel.SendAsync(message);
        }
    }

    private static async Task ReceiveAsync(IMessageChannel channel, long messages)
    {
        long sum = 0;
        for (long i = 0; i < messages; i++)
        {
            var message = await channel.ReceiveAsync() ?? throw new EndOfStreamException();
            sum += message.Payload.FirstSpan[0];
        }

        Check(sum, messages);
    }

    private static async Task ReceiveDrainingAsync(IMessageChannel channel, long messages)
    {
        long sum = 0;
        long received = 0;
        while (received < messages)
        {
            var message = await channel.ReceiveAsync() ?? throw new EndOfStreamException();
            do
            {
                sum += message.Payload.FirstSpan[0];
                received++;
            }
            while (received < messages && channel.TryReceive(out message));
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

    private Task RunAsync(IMessageChannel client, IMessageChannel server, long messages)
    {
        switch (_work.Pattern)
        {
            case WorkPattern.PingPong:
                return Task.Run(() => PingPongAsync(client, messages));
            case WorkPattern.Pipelined:
                return Task.Run(() => _work.BatchSize > 1 ? PipelineBatchesAsync(client, messages) : PipelineAsync(client, messages));
            case WorkPattern.Lone:
                return Task.Run(() => SendLoneAsync(client, server, messages));
            default:
                var receiving = Task.Run(() => _work.BatchSize > 1 ? ReceiveDrainingAsync(server, messages) : ReceiveAsync(server, messages));
                var sending = Enumerable.Range(0, _work.Senders)
                    .Select(_ => Task.Run(() => _work.BatchSize > 1 ? SendBatchesAsync(client, messages / _work.Senders) : SendAsync(client, messages / _work.Senders)));
                return Task.WhenAll([receiving, .. sending]);
        }
    }

    private async Task PingPongAsync(IMessageChannel channel, long messages)
    {
        long sum = 0;
        for (long i = 0; i < messages; i++)
        {
            await channel.SendAsync(_payload);
            var message = await channel.ReceiveAsync() ?? throw new EndOfStreamException();
            sum += message.Payload.FirstSpan[0];
        }

        Check(sum, messages);
    }

    private async Task SendLoneAsync(IMessageChannel client, IMessageChannel server, long messages)
    {
        long sum = 0;
        for (long i = 0; i < messages; i++)
        {
            await client.SendAsync(_payload);
            var message = await server.ReceiveAsync() ?? throw new EndOfStreamException();
            sum += message.Payload.FirstSpan[0];
        }

        Check(sum, messages);
    }

    private async Task PipelineAsync(IMessageChannel channel, long messages)
    {
        long sent = 0;
        long sum = 0;
        for (long received = 0; received < messages; received++)
        {
            while (sent < messages && sent - received < Work.Window)
            {
                await channel.SendAsync(_payload);
                sent++;
            }

            var message = await channel.ReceiveAsync() ?? throw new EndOfStreamException();
            sum += message.Payload.FirstSpan[0];
        }

        Check(sum, messages);
    }

    private async Task PipelineBatchesAsync(IMessageChannel channel, long messages)
    {
        var batch = NewBatch();
        long sent = 0;
        long received = 0;
        long sum = 0;
        while (received < messages)
        {
            while (sent < messages && sent - received <= Work.Window - batch.Length)
            {
                await channel.SendAsync(batch);
                sent += batch.Length;
            }

            var message = await channel.ReceiveAsync() ?? throw new EndOfStreamException();
            do
            {
                sum += message.Payload.FirstSpan[0];
                received++;
            }
            while (channel.TryReceive(out message));
        }

        Check(sum, messages);
    }

    private async Task SendAsync(IMessageChannel channel, long messages)
    {
        for (long i = 0; i < messages; i++)
        {
            await channel.SendAsync(_payload);
        }
    }

    private async Task SendBatchesAsync(IMessageChannel channel, long messages)
    {
        var batch = NewBatch();
        for (long i = 0; i < messages; i += batch.Length)
        {
            await channel.SendAsync(batch);
        }
    }

    // A message is lent until the next receive, so what is to be sent back in one batch is copied out first.
    private async Task EchoBatchesAsync(IMessageChannel channel)
    {
        var batch = new Message[_work.BatchSize];
        var copies = new byte[_work.BatchSize][];
        for (var i = 0; i < batch.Length; i++)
        {
            copies[i] = new byte[_work.PayloadSize];
            batch[i] = copies[i];
        }

        while (await channel.ReceiveAsync() is { } message)
        {
            var count = 0;
            do
            {
                message.Payload.FirstSpan.CopyTo(copies[count]);
                count++;
            }
            while (count < batch.Length && channel.TryReceive(out message));
            await channel.SendAsync(batch.AsMemory(0, count));
        }
    }

    private ReadOnlyMemory<Message> NewBatch() => Enumerable.Repeat((Message)_payload, _work.BatchSize).ToArray();
}
