namespace Transports.Grpc.Tests;

/// <summary>Measures the memory of the whole process, so nothing else may run meanwhile.</summary>
[Collection(nameof(StreamResetTests))]
[CollectionDefinition(nameof(StreamResetTests), DisableParallelization = true)]
public class StreamResetTests
{
    private static readonly byte[] s_frame = [0, 0, 0, 0, 2, 7, 8];

    [Fact(Timeout = 60_000)]
    public async Task Streams_AThousandOpenedAndReset_MemoryStaysFlatAndOthersAreServed()
    {
        await using var server = await EchoServer.StartAsync();
        using var client = new RawGrpcClient(server.Address);
        using var attacker = new RawGrpcClient(server.Address);
        await OpenAndResetAsync(attacker, 200);
        var before = await SettledMemoryAsync(server);

        // Somebody else goes on being served while the attack runs.
        var attack = OpenAndResetAsync(attacker, 1000);
        var served = 0;
        do
        {
            (await client.CallAsync(s_frame)).Status.Should().Be((int)GrpcStatusCode.OK);
            served++;
        }
        while (!attack.IsCompleted);
        await attack;

        served.Should().BePositive();
        var grown = await SettledMemoryAsync(server) - before;
        grown.Should().BeLessThan(4 * 1024 * 1024, "each of the thousand left less than 4 KiB");
    }

    // When the server has ended all that was reset: the reset is on its way for a moment.
    private static async Task<long> SettledMemoryAsync(EchoServer server)
    {
        while (server.Open > 0)
        {
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }

        return GC.GetTotalMemory(forceFullCollection: true);
    }

    private static async Task OpenAndResetAsync(RawGrpcClient client, int count)
    {
        for (var done = 0; done < count; done += 50)
        {
            await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => client.OpenAndResetAsync()));
        }
    }
}
