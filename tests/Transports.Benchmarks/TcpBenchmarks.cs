using System.Net;

namespace Transports.Benchmarks;

/// <summary>tcp beside bare sockets.</summary>
internal sealed class TcpBenchmarks : BenchmarkedTransport
{
    public override string Name => "tcp";

    public override string Subject => "IMessageChannel over tcp";

    public override string Baseline => "async Socket, by hand";

    protected override IEnumerable<Benchmark> OwnBenchmarks => [new WorkBenchmark(this, Work.Accepts), new IdleBenchmark()];

    public override async Task<IBenchmarkSide> OpenSubjectAsync(Work work)
    {
        var transport = new TcpTransport();
        if (work.Pattern == WorkPattern.Connecting)
        {
            var listener = await transport.ListenAsync(new Uri("tcp://127.0.0.1:0"));
            return new ConnectionsSide(work, new IPEndPoint(IPAddress.Loopback, listener.LocalAddress.Port), certificate: null, new ChannelAcceptor(listener));
        }

        return await ChannelSubject.OpenAsync(
            work,
            await transport.ListenAsync(new Uri("tcp://127.0.0.1:0")),
            address => transport.ConnectAsync(address));
    }

    public override async Task<IBenchmarkSide> OpenBaselineAsync(Work work)
    {
        if (work.Pattern == WorkPattern.Connecting)
        {
            var acceptor = await KestrelSocketAcceptor.OpenAsync();
            return new ConnectionsSide(work, acceptor.EndPoint, certificate: null, acceptor);
        }

        var pairs = await SocketPairs.ConnectTcpAsync(work.Connections);
        return new ByteStreamBaseline<SocketBytes>(work, [.. pairs.Select(pair => (new SocketBytes(pair.Client), new SocketBytes(pair.Server)))]);
    }
}
