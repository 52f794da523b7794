namespace Transports.Model.Tests;

/// <summary>
/// The model of the contract over the engine, with the interleaving in the seed's hand: a seed that fails fails again. One that a change has
/// broken is run alone with <c>TRANSPORTS_MODEL_SEED=17</c>; more are tried with <c>TRANSPORTS_MODEL_SEEDS=100000</c>.
/// </summary>
public sealed class SteppedModelTests
{
    private const int DefaultSeeds = 1500;
    private const int MaxMessageSize = 3000;
    private const int SmallBuffer = 1024;
    private const int MaxSteps = 15;

    private static readonly ContractModelOptions Options = new()
    {
        Seeds = new ContractModelOptions().Seeds is var seeds && Environment.GetEnvironmentVariable("TRANSPORTS_MODEL_SEEDS") is null ? DefaultSeeds : seeds,
    };

    [Fact]
    public Task AnyProgram_OverMemory_KeepsTheContract() => RunAllAsync("memory", scripted: false);

    [Fact]
    public Task AnyProgram_OverScriptedBytes_KeepsTheContract() => RunAllAsync("scripted bytes", scripted: true);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public Task Program_RunTwice_HappensTheSameWay(bool scripted) => OnAThreadOfItsOwnAsync(() =>
    {
        using var pool = new SerialThreadPool();
        for (var seed = 1; seed <= 50; seed++)
        {
            var first = RunOne(seed, scripted, pool).History.Lines;
            var second = RunOne(seed, scripted, pool).History.Lines;
            second.Should().Equal(first, "seed {0} decides everything", seed);
        }
    });

    private static Task RunAllAsync(string name, bool scripted) => OnAThreadOfItsOwnAsync(() =>
    {
        using var pool = new SerialThreadPool();
        foreach (var seed in Options.AllSeeds)
        {
            RunOne(seed, scripted, pool).Fail(name);
        }
    });

    private static ModelRun RunOne(int seed, bool scripted, SerialThreadPool pool)
    {
        var clock = new SteppedClock();
        var buffers = new LeakTrackingArrayPool();
        var history = new ModelHistory();
        var link = scripted ? new ScriptedLink(seed, () => history.Now) : null;
        var (client, server) = link is null ? OpenMemory(clock, buffers) : (Open(link.Client, ChannelSide.Client, clock, buffers), Open(link.Server, ChannelSide.Server, clock, buffers));
        var program = new ModelProgram(seed, new ModelLimits(client.Characteristics, server.Characteristics, MaxMessageSize, MaxSteps));
        ModelEnd[] ends =
        [
            new(0, client, seed, history) { PeerHalfCloses = true },
            new(1, server, seed, history) { PeerHalfCloses = true },
        ];
        var run = new ModelRun(program, ends, history, startsInOrder: true);
        new SteppedModelRunner(run, pool, clock, link).Run();
        foreach (var end in ends)
        {
            CheckArrived(end, end.Number == 0 ? link?.Client : link?.Server, history);
        }

        foreach (var error in buffers.FindErrors())
        {
            history.Violate(error);
        }

        return run;
    }

    // What has reached this machine is received, however the connection ended.
    private static void CheckArrived(ModelEnd end, ScriptedConnection? connection, ModelHistory history)
    {
        if (connection is null || end.EndSeen is not { } seen || end.EndersBegan < seen)
        {
            return;
        }

        var arrived = connection.CountFramesBefore(seen);
        if (end.Received.Count < arrived)
        {
            history.Violate($"{end.Name} received {end.Received.Count} messages and then its end ({ModelEnd.Describe(end.EndError)}); {arrived} had arrived whole before that.");
        }
    }

    private static (IMessageChannel Client, IMessageChannel Server) OpenMemory(TimeProvider clock, LeakTrackingArrayPool buffers)
    {
        var transport = new MemoryTransport(Apply(new MemoryTransportOptions(), clock, buffers));
        var address = new Uri("mem://model");
        var listener = Now(transport.ListenAsync(address));
        var client = Now(transport.ConnectAsync(address));
        return (client, Now(listener.AcceptAsync())!);
    }

    private static T Now<T>(ValueTask<T> task) => task.AsTask().GetAwaiter().GetResult();

    private static FramedMessageChannel Open(ByteConnection connection, ChannelSide side, TimeProvider clock, LeakTrackingArrayPool buffers)
        => new(connection, LengthPrefixedFraming.Default, new MessageChannelContext
        {
            TransportName = "scripted",
            Side = side,
            Options = Apply(new MessageChannelOptions(), clock, buffers),
            Characteristics = new ChannelCharacteristics { IsReliable = true, IsOrdered = true, SupportsHalfClose = true },
        });

    private static TOptions Apply<TOptions>(TOptions options, TimeProvider clock, LeakTrackingArrayPool buffers)
        where TOptions : MessageChannelOptions
    {
        options.MaxMessageSize = MaxMessageSize;
        options.SendBufferSize = SmallBuffer;
        options.ReceiveBufferSize = SmallBuffer;
        options.BufferPool = buffers;
        options.TimeProvider = clock;
        return options;
    }

    private static Task OnAThreadOfItsOwnAsync(Action action)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        new Thread(() =>
        {
            try
            {
                action();
                done.SetResult();
            }
            catch (Exception e)
            {
                done.SetException(e);
            }
        }) { IsBackground = true }.Start();
        return done.Task;
    }
}
