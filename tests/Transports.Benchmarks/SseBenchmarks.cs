namespace Transports.Benchmarks;

/// <summary>sse, server to client, beside an endpoint written by hand.</summary>
internal sealed class SseBenchmarks : BenchmarkedTransport
{
    public override string Name => "sse";

    public override string Subject => "IMessageChannel over sse+http, text";

    public override string Baseline => "WriteAsync and flush an event, SseParser of strings";

    // One way: the events of a server.
    public override IEnumerable<Work> Works => Work.All.Where(static work => work.Pattern == WorkPattern.Flood && work is { Senders: 1, BatchSize: 1 });

    public override async Task<IBenchmarkSide> OpenSubjectAsync(Work work)
    {
        var transport = new SseTransport();
        var listener = await new KestrelTransport().ListenAsync(new Uri("sse+http://localhost:0/"));
        var path = DelayedPath.Open(work, Wire, listener.LocalAddress);
        var accepting = listener.AcceptAsync().AsTask();
        var client = await transport.ConnectAsync(path.Address);
        return new EventFlood(work, client, (await accepting)!, listener, path);
    }

    public override Task<IBenchmarkSide> OpenBaselineAsync(Work work) => SseBaseline.OpenAsync(work);

    private sealed class EventFlood(Work work, IMessageChannel client, IMessageChannel server, IMessageListener listener, DelayedPath path) : IBenchmarkSide
    {
        private readonly byte[] _payload = Enumerable.Repeat((byte)'*', work.PayloadSize).ToArray();

        public Task RunAsync(long messages) => work.Pattern == WorkPattern.Lone ? Task.Run(() => SendLoneAsync(messages)) : Task.WhenAll(Task.Run(() => SendAsync(messages)), Task.Run(() => ReceiveAsync(messages)));

        public async ValueTask DisposeAsync()
        {
            client.Abort();
            server.Abort();
            await listener.DisposeAsync();
            await path.DisposeAsync();
        }

        private async Task SendLoneAsync(long messages)
        {
            for (long i = 0; i < messages; i++)
            {
                await SendAsync(1);
                await ReceiveAsync(1);
            }
        }

        private async Task SendAsync(long messages)
        {
            for (long i = 0; i < messages; i++)
            {
                await server.SendAsync(new Message(_payload, MessageKind.Text));
            }
        }

        private async Task ReceiveAsync(long messages)
        {
            for (long i = 0; i < messages; i++)
            {
                var message = await client.ReceiveAsync() ?? throw new EndOfStreamException();
                if (message.Payload.FirstSpan[0] != '*')
                {
                    throw new InvalidDataException("Other events arrived than were sent.");
                }
            }
        }
    }
}
