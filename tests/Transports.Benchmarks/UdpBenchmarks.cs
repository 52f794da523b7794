using Compare.Relays;

namespace Transports.Benchmarks;

/// <summary>udp beside bare sockets. What is lost does not count: floods go on until enough has arrived.</summary>
internal sealed class UdpBenchmarks : BenchmarkedTransport
{
    private static readonly UdpTransportOptions s_options = new() { PeerQueueSize = 1024 * 1024 };

    public override string Name => "udp";

    public override string Subject => "IMessageChannel over udp";

    public override string Baseline => "async Socket with SocketAddress, by hand";

    // An echo with a window hangs on the first loss, and 64 KiB is no datagram.
    public override IEnumerable<Work> Works => Work.All.Where(work => work.Pattern != WorkPattern.Pipelined && work.PayloadSize <= 1200);

    public override Wire Wire => Wire.Udp;

    public override async Task<IBenchmarkSide> OpenSubjectAsync(Work work)
    {
        var transport = new UdpTransport(s_options);
        var listener = await transport.ListenAsync(new Uri("udp://127.0.0.1:0"));
        if (work.Pattern is WorkPattern.PingPong or WorkPattern.Lone)
        {
            return await ChannelSubject.OpenAsync(work, listener, address => transport.ConnectAsync(address));
        }

        var client = await transport.ConnectAsync(listener.LocalAddress);
        await client.SendAsync(new byte[1]);
        var server = await listener.AcceptAsync() ?? throw new InvalidOperationException("The listener stopped.");
        return new LossyChannelFlood(work, client, server, listener);
    }

    public override Task<IBenchmarkSide> OpenBaselineAsync(Work work)
        => Task.FromResult<IBenchmarkSide>(work.Pattern == WorkPattern.PingPong ? new DatagramPingPongBaseline(work) : new DatagramFloodBaseline(work));
}
