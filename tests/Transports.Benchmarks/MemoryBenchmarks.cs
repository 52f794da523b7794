using Compare.Relays;

namespace Transports.Benchmarks;

/// <summary>mem beside bounded queues of arrays, which is what people write without it.</summary>
internal sealed class MemoryBenchmarks : BenchmarkedTransport
{
    private static int s_name;

    public override string Name => "mem";

    public override string Subject => "IMessageChannel over mem";

    public override string Baseline => "bounded Channel<byte[]>, a copy each";

    public override Wire Wire => Wire.Memory;

    public override async Task<IBenchmarkSide> OpenSubjectAsync(Work work)
    {
        var transport = new MemoryTransport();
        return await ChannelSubject.OpenAsync(
            work,
            await transport.ListenAsync(new Uri($"mem://benchmark-{Interlocked.Increment(ref s_name)}")),
            address => transport.ConnectAsync(address));
    }

    public override Task<IBenchmarkSide> OpenBaselineAsync(Work work) => Task.FromResult<IBenchmarkSide>(new QueueBaseline(work));
}
