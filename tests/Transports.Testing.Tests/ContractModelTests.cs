namespace Transports.Testing.Tests;

/// <summary>The model finds each promise that is broken: one that finds nothing proves nothing.</summary>
public sealed class ContractModelTests
{
    private const int EnoughSeeds = 200;

    private static readonly ContractModelOptions Patient = new()
    {
        Patience = TimeSpan.FromMilliseconds(20),
    };

    // One of the channels has a call that never ends, for which nobody wants to wait.
    private static readonly ContractModelOptions Hasty = Patient with { HangTimeout = TimeSpan.FromSeconds(1) };

    [Theory(Timeout = 120_000)]
    [InlineData(BrokenPromise.LosesAMessage, "did not come")]
    [InlineData(BrokenPromise.DoublesAMessage, "twice")]
    [InlineData(BrokenPromise.SwapsMessages, "out of order")]
    [InlineData(BrokenPromise.BreaksBatches, "batch")]
    [InlineData(BrokenPromise.SendsWhatWasCancelled, "whose send was Cancelled")]
    [InlineData(BrokenPromise.SendsFromTheCallersMemoryLater, "")]
    [InlineData(BrokenPromise.ChangesAByte, "is not what was sent")]
    [InlineData(BrokenPromise.ChangesTheKind, "it was sent as")]
    [InlineData(BrokenPromise.TellsTheEndTooEarly, "null told its receiver that all had")]
    [InlineData(BrokenPromise.TellsTwoEnds, "ConnectionLost")]
    [InlineData(BrokenPromise.NeverEndsAFlush, "never ends")]
    [InlineData(BrokenPromise.ThrowsSomethingElse, "which the contract does not know")]
    [InlineData(BrokenPromise.ThrowsFromClose, "ending never throws")]
    [InlineData(BrokenPromise.AcceptsAfterTheEnd, "accepted a send after the end")]
    [InlineData(BrokenPromise.TriesAndLosesIt, "did not come")]
    [InlineData(BrokenPromise.SaysThereIsNoRoomAndSends, "whose send was NoRoom")]
    [InlineData(BrokenPromise.NeverHasRoom, "found no room, though its peer had received all")]
    [InlineData(BrokenPromise.HasNoRoomAfterTheEnd, "it should have thrown")]
    [InlineData(BrokenPromise.WaitsForRoom, "waits for room, and must never wait")]
    public async Task AnyProgram_ChannelThatBreaksAPromise_IsFound(BrokenPromise promise, string told)
    {
        for (var seed = 1; seed <= EnoughSeeds; seed++)
        {
            var violations = (await RunAsync(seed, channel => new BrokenChannel(channel, promise), Hasty)).History.Violations;
            if (violations.Any(violation => violation.Contains(told, StringComparison.Ordinal)))
            {
                return;
            }
        }

        Assert.Fail($"{EnoughSeeds} programs did not find a channel that {promise}.");
    }

    [Fact(Timeout = 120_000)]
    public async Task AnyProgram_ChannelThatKeepsItsPromises_IsNotBlamed()
    {
        for (var seed = 1; seed <= 20; seed++)
        {
            (await RunAsync(seed, static channel => channel, Patient)).Fail("memory");
        }
    }

    [Fact]
    public async Task Fail_AfterAViolation_SaysTheSeedAndHowToRunItAlone()
    {
        var run = await RunAsync(17, static channel => channel, Patient);
        run.History.Violate("something was wrong");
        var failing = () => run.Fail("memory");
        failing.Should().Throw<Xunit.Sdk.FailException>().Which.Message.Should().Contain("Seed 17").And.Contain("TRANSPORTS_MODEL_SEED=17").And.Contain("something was wrong");
    }

    private static async Task<ModelRun> RunAsync(int seed, Func<IMessageChannel, IMessageChannel> decorate, ContractModelOptions options)
    {
        var transport = new MemoryTransport(new MemoryTransportOptions { SendBufferSize = 1024, MaxMessageSize = 3000, CloseTimeout = TimeSpan.FromSeconds(1) });
        var address = new Uri("mem://model");
        await using var listener = await transport.ListenAsync(address);
        var client = decorate(await transport.ConnectAsync(address));
        var server = (await listener.AcceptAsync())!;
        var history = new ModelHistory();
        ModelEnd[] ends =
        [
            new(0, client, seed, history) { PeerHalfCloses = true },
            new(1, server, seed, history) { PeerHalfCloses = true },
        ];
        var program = new ModelProgram(seed, new ModelLimits(client.Characteristics, server.Characteristics, 3000, 15));
        var run = new ModelRun(program, ends, history, startsInOrder: false);
        await new FreeModelRunner(run, options).RunAsync();
        return run;
    }
}
