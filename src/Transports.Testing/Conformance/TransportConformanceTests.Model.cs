namespace Transports.Testing;

// Random programs for both ends at once, judged by a model of the contract.
public abstract partial class TransportConformanceTests
{
    /// <summary>How many random programs run, and what they overlook.</summary>
    protected virtual ContractModelOptions ModelOptions { get; } = new();

    /// <summary>
    /// Random programs (many senders, batches, cancels, half-close, close, abort, dispose, slow and absent receivers) keep the contract: nothing
    /// accepted is lost, doubled or out of order, nothing cancelled arrives, each call ends, and each end is told once and truly.
    /// </summary>
    [Fact(Timeout = ModelTimeout)]
    public async Task AnyProgram_OfBothEndsAtOnce_KeepsTheContract()
    {
        var listener = await ListenAsync(Modelled(ChannelSide.Server));
        foreach (var seed in ModelOptions.AllSeeds)
        {
            var run = await RunModelAsync(listener, seed, null);
            if (run.History.Violations.Count == 0)
            {
                continue;
            }

            // The order of the calls is most of what made it fail: does it fail again?
            var order = ModelReplay.OrderOf(run.History);
            var again = 0;
            for (var i = 0; i < ModelOptions.Replays; i++)
            {
                var replayed = await RunModelAsync(listener, seed, new ModelReplay(order));
                again += replayed.History.Violations.Count > 0 ? 1 : 0;
            }

            run.Fail(Name, $"The same order of calls broke it in {again} of {ModelOptions.Replays} more runs.");
        }
    }

    private const int ModelTimeout = 10 * 60_000;

    private async Task<ModelRun> RunModelAsync(IMessageListener listener, int seed, ModelReplay? replay)
    {
        const int MaxSteps = 25;

        // Where no handshake tells peers apart, what an earlier program sent may come late: a listener each.
        var pair = AcceptsOnFirstMessage
            ? await OpenAsync(Modelled(ChannelSide.Client), Modelled(ChannelSide.Server))
            : await ConnectAsync(listener, Modelled(ChannelSide.Client));
        var largest = Math.Min(pair.Client.Characteristics.MaxMessageSize, pair.Server.Characteristics.MaxMessageSize);
        var limits = new ModelLimits(pair.Client.Characteristics, pair.Server.Characteristics, largest, MaxSteps);
        var history = new ModelHistory();
        ModelEnd[] ends =
        [
            new(0, pair.Client, seed, history) { Greeting = Greeting, PeerHalfCloses = pair.Server.Characteristics.SupportsHalfClose },
            new(1, pair.Server, seed, history) { Greeting = Greeting, PeerHalfCloses = pair.Client.Characteristics.SupportsHalfClose },
        ];
        var run = new ModelRun(new ModelProgram(seed, limits), ends, history, startsInOrder: false);
        await new FreeModelRunner(run, ModelOptions, replay).RunAsync().WaitAsync(Token);
        return run;
    }

    private ConformanceOptions Modelled(ChannelSide side)
        => new(side, Pool) { SendBufferSize = SmallBuffer, ReceiveBufferSize = SmallBuffer, MaxMessageSize = 4 * SmallBuffer };
}
