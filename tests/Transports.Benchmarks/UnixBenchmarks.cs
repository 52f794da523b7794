using Compare.Relays;

namespace Transports.Benchmarks;

/// <summary>unix beside bare sockets of the file system.</summary>
internal sealed class UnixBenchmarks : BenchmarkedTransport
{
    public override string Name => "unix";

    public override string Subject => "IMessageChannel over unix";

    public override string Baseline => "async Socket, by hand";

    public override Wire Wire => Wire.Unix;

    public override async Task<IBenchmarkSide> OpenSubjectAsync(Work work)
    {
        var transport = new TcpTransport();
        return await ChannelSubject.OpenAsync(
            work,
            await transport.ListenAsync(new Uri("unix://" + SocketPairs.NewSocketPath())),
            address => transport.ConnectAsync(address));
    }

    public override async Task<IBenchmarkSide> OpenBaselineAsync(Work work)
    {
        var pairs = await SocketPairs.ConnectUnixAsync(work.Connections);
        return new ByteStreamBaseline<SocketBytes>(work, [.. pairs.Select(pair => (new SocketBytes(pair.Client), new SocketBytes(pair.Server)))]);
    }
}
