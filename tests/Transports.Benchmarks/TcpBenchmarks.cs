namespace Transports.Benchmarks;

/// <summary>tcp beside bare sockets.</summary>
internal sealed class TcpBenchmarks : BenchmarkedTransport
{
    public override string Name => "tcp";

    public override string Subject => "IMessageChannel over tcp";

    public override string Baseline => "async Socket, by hand";

    public override async Task<IBenchmarkSide> OpenSubjectAsync(Work work)
    {
        var transport = new TcpTransport();
        return await ChannelSubject.OpenAsync(
            work,
            await transport.ListenAsync(new Uri("tcp://127.0.0.1:0")),
            address => transport.ConnectAsync(address));
    }

    public override async Task<IBenchmarkSide> OpenBaselineAsync(Work work)
    {
        var pairs = await SocketPairs.ConnectTcpAsync(work.Connections);
        return new ByteStreamBaseline<SocketBytes>(work, [.. pairs.Select(pair => (new SocketBytes(pair.Client), new SocketBytes(pair.Server)))]);
    }
}
