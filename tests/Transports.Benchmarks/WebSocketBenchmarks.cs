namespace Transports.Benchmarks;

/// <summary>ws beside the platform's own WebSockets.</summary>
internal sealed class WebSocketBenchmarks : BenchmarkedTransport
{
    public override string Name => "ws";

    public override string Subject => "IMessageChannel over ws";

    public override string Baseline => "ClientWebSocket and Kestrel's WebSocket";

    public override async Task<IBenchmarkSide> OpenSubjectAsync(Work work)
    {
        var client = new WebSocketTransport();
        var listener = await new KestrelTransport().ListenAsync(new Uri("ws://localhost:0/"));
        return await ChannelSubject.OpenAsync(work, listener, address => client.ConnectAsync(address));
    }

    public override Task<IBenchmarkSide> OpenBaselineAsync(Work work) => WebSocketBaseline.OpenAsync(work);
}
