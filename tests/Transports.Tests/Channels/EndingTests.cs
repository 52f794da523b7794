namespace Transports.Tests.Channels;

/// <summary>In every end: the state, then <see cref="IMessageChannel.Closed"/>, then who waits, on another thread; and memory that is being read stays.</summary>
public sealed class EndingTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public static TheoryData<string> Calls => ["Abort", "CloseAsync", "DisposeAsync"];

    [Theory]
    [MemberData(nameof(Calls))]
    public async Task EndingCall_AReceiverWaits_RunsNoneOfItsCodeAndTellsClosedFirst(string call)
    {
        var scripted = new ScriptedChannel();
        var caller = Environment.CurrentManagedThreadId;
        var inCall = true;
        var ranInline = false;
        var closedFirst = false;
        var receiving = Task.Run(
            async () =>
            {
                try
                {
                    await scripted.Channel.ReceiveAsync(Ct);
                }
                catch (MessageChannelClosedException)
                {
                    ranInline = Volatile.Read(ref inCall) && Environment.CurrentManagedThreadId == caller;
                    closedFirst = scripted.Channel.Closed.IsCompleted;
                }
            },
            Ct);
        await scripted.Connection.ReadBegun.WaitAsync(Ct);

        switch (call)
        {
            case "Abort":
                scripted.Channel.Abort();
                break;
            case "CloseAsync":
                _ = scripted.Channel.CloseAsync(cancellationToken: Ct).AsTask();
                break;
            default:
                _ = scripted.Channel.DisposeAsync().AsTask();
                break;
        }

        scripted.Connection.FeedEnd();
        Volatile.Write(ref inCall, false);
        await receiving;

        ranInline.Should().BeFalse();
        closedFirst.Should().BeTrue();
        await scripted.DisposeAsync();
    }

    [Theory]
    [MemberData(nameof(Calls))]
    public async Task EndingCall_AMessageIsBeingRead_EndsTheGuardAndLeavesTheMemory(string call)
    {
        var scripted = new ScriptedChannel();
        scripted.FeedMessage(1, 2, 3);
        var lent = (await scripted.Channel.ReceiveAsync(Ct))!.Value;
        var memory = lent.Memory;
        scripted.Connection.FeedEnd();

        switch (call)
        {
            case "Abort":
                scripted.Channel.Abort();
                break;
            case "CloseAsync":
                await scripted.Channel.CloseAsync(cancellationToken: Ct);
                break;
            default:
                await scripted.Channel.DisposeAsync();
                break;
        }

        await scripted.Connection.Disposed.WaitAsync(Ct);
        FluentActions.Invoking(() => lent.Payload).Should().Throw<InvalidOperationException>();
        FluentActions.Invoking(() => lent.Retain()).Should().Throw<InvalidOperationException>();
        memory.ToArray().Should().Equal([1, 2, 3], "the pool, which overwrites what comes back, did not get it back");
        await scripted.DisposeAsync();
    }

    [Fact]
    public async Task CompleteSendingAsync_ASecondTime_WaitsForTheFirst()
    {
        await using var scripted = new ScriptedChannel();
        await scripted.FillAsync();
        var first = scripted.Channel.CompleteSendingAsync(Ct).AsTask();
        var second = scripted.Channel.CompleteSendingAsync(Ct).AsTask();

        second.IsCompleted.Should().BeFalse();
        scripted.Connection.ReleaseWrites();
        await first;
        await second;
    }

    [Fact]
    public async Task Receive_AfterOneLargeMessage_GivesItsMemoryBack()
    {
        await using var scripted = new ScriptedChannel();
        scripted.FeedMessage(ScriptedChannel.Bytes(1, 90_000));
        scripted.FeedMessage(2);
        (await scripted.Channel.ReceiveAsync(Ct))!.Value.Length.Should().Be(90_000);
        (await scripted.Channel.ReceiveAsync(Ct))!.Value.Length.Should().Be(1);
        var receiving = scripted.Channel.ReceiveAsync(Ct).AsTask();

        scripted.Pool.BytesOut.Should().BeLessThanOrEqualTo(2 * 1024);

        scripted.FeedMessage(3);
        await receiving;
    }
}
