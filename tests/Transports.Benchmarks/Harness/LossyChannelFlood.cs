namespace Transports.Benchmarks;

/// <summary>A flood through <see cref="IMessageChannel"/> over a wire that loses.</summary>
internal sealed class LossyChannelFlood(Work work, IMessageChannel client, IMessageChannel server, IAsyncDisposable listener) : LossyFlood(work)
{
    private readonly byte[] _payload = new byte[work.PayloadSize];

    public override async ValueTask DisposeAsync()
    {
        client.Abort();
        server.Abort();
        await listener.DisposeAsync();
    }

    protected override async Task SendAsync()
    {
        if (Work.BatchSize == 1)
        {
            while (!Enough)
            {
                await client.SendAsync(_payload);
            }

            return;
        }

        ReadOnlyMemory<Message> batch = Enumerable.Repeat((Message)_payload, Work.BatchSize).ToArray();
        while (!Enough)
        {
            await client.SendAsync(batch);
        }
    }

    protected override async Task ReceiveAsync(long messages)
    {
        for (long received = 0; received < messages;)
        {
            var message = await server.ReceiveAsync() ?? throw new EndOfStreamException();
            received += message.Payload.FirstSpan.Length == _payload.Length ? 1 : 0;
            while (Work.BatchSize > 1 && received < messages && server.TryReceive(out message))
            {
                received += message.Payload.FirstSpan.Length == _payload.Length ? 1 : 0;
            }
        }
    }
}
