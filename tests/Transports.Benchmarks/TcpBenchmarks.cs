namespace Transports.Benchmarks;

/// <summary>tcp beside bare sockets.</summary>
internal sealed class TcpBenchmarks : BenchmarkedTransport
{
    public override string Name => "tcp";

    public override string Subject => "IMessageChannel over tcp";

    public override string Baseline => "async Socket, by hand";

    public override async Task<IBenchmarkSide> OpenSubjectAsync(Work work)
    {
        var pairs = await SocketBytes.ConnectTcpAsync(work.Connections);
        return new ChannelSubject(work, [.. pairs.Select(pair =>
            ((IMessageChannel)FramedMessageChannel.Create(pair.Client), (IMessageChannel)FramedMessageChannel.Create(pair.Server)))]);
    }

    public override async Task<IBenchmarkSide> OpenBaselineAsync(Work work)
    {
        var pairs = await SocketBytes.ConnectTcpAsync(work.Connections);
        return new ByteStreamBaseline<SocketBytes>(work, [.. pairs.Select(pair => (new SocketBytes(pair.Client), new SocketBytes(pair.Server)))]);
    }
}
