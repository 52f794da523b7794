namespace Transports.Tests.Channels;

/// <summary>In every end: the state, then <see cref="IMessageChannel.Closed"/>, then who waits, on another thread; and memory that is being read stays.</summary>
public sealed class EndingTests
{
    private const string GivenUp = "the read of a close that was given up";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public static TheoryData<string> Calls => ["Abort", "CloseAsync", "DisposeAsync"];

    [Theory]
    [MemberData(nameof(Calls))]
    public async Task EndingCall_AReceiverWaits_RunsNoneOfItsCodeAndTellsClosedFirst(string call)
    {
        var scripted = new ScriptedChannel();
        var caller = 0;
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

        // The thread of the call itself: the one that this method began on may run the receiver by now, as any of the pool.
        caller = Environment.CurrentManagedThreadId;
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

    /// <summary>A close that is given up leaves a read of the connection behind, which then fails.</summary>
    [Fact]
    public async Task CloseAsync_GivenUpWhileThePeerTakesNothing_LeavesNoExceptionUnobserved()
    {
        var unobserved = new List<string>();
        void Note(object? sender, UnobservedTaskExceptionEventArgs e)
        {
            lock (unobserved)
            {
                unobserved.Add(e.Exception.ToString());
            }
        }

        TaskScheduler.UnobservedTaskException += Note;
        try
        {
            await CloseAndGiveUpAsync();
            for (var i = 0; i < 3; i++)
            {
                GC.Collect();
                GC.WaitForPendingFinalizers();
            }
        }
        finally
        {
            TaskScheduler.UnobservedTaskException -= Note;
        }

        lock (unobserved)
        {
            // Of this connection; other tests run beside this one.
            unobserved.Where(error => error.Contains(GivenUp, StringComparison.Ordinal)).Should().BeEmpty();
        }
    }

    /// <summary>The close reads on for the peer's end when an abort comes: the connection goes back behind that read, and is not read a second time beside it.</summary>
    [Fact]
    public async Task Abort_WhileACloseReadsOn_GivesTheConnectionBackBehindThatRead()
    {
        var scripted = new ScriptedChannel();
        scripted.Connection.AbortLeavesReads = true;
        scripted.Connection.HoldWrites();
        await scripted.Channel.SendAsync(new byte[] { 1 }, Ct);
        var closing = scripted.Channel.CloseAsync(cancellationToken: Ct).AsTask();
        await scripted.Connection.ReadBegun.WaitAsync(Ct);

        scripted.Channel.Abort();
        await closing;
        scripted.Connection.WasAborted.Should().BeTrue();
        scripted.Connection.IsReading.Should().BeTrue();
        scripted.Connection.Disposed.IsCompleted.Should().BeFalse();

        // Fails if it is given back, or read by another, while it is being read.
        scripted.Connection.FeedFailure(new IOException("aborted"));
        await scripted.Connection.Disposed.WaitAsync(TimeSpan.FromMinutes(1), Ct);
        scripted.Connection.ReadsBegun.Should().Be(1);
        scripted.Pool.Verify();
    }

    /// <summary>The close comes when the connection's host has said that it is broken, and what is written has not failed yet.</summary>
    [Fact]
    public async Task CloseAsync_WhileTheConnectionIsFoundBroken_IsNotClean()
    {
        var scripted = new ScriptedChannel();
        await scripted.Channel.SendAsync(new byte[] { 1 }, Ct);
        await scripted.Channel.FlushAsync(Ct);
        var closing = Task.CompletedTask;
        scripted.Connection.InNextRead = () => closing = scripted.Channel.CloseAsync(cancellationToken: Ct).AsTask();

        scripted.Connection.Host!.OnBroken(new IOException("gone"));

        scripted.Connection.FeedEnd();
        await closing;
        (await scripted.Channel.Closed).Status.Should().Be(ChannelCloseStatus.ConnectionLost);
        await scripted.DisposeAsync();
    }

    /// <summary>The peer's end is known, and about to be told, when a write finds that the peer takes nothing any more.</summary>
    [Fact]
    public async Task Receive_AWriteFailsWhileTheEndIsJudged_TellsThePeersEnd()
    {
        var scripted = new ScriptedChannel();
        scripted.Connection.End = () =>
        {
            scripted.Connection.Host!.OnBroken(new IOException("gone"));
            return new ChannelCloseInfo(ChannelCloseStatus.Normal, IsRemote: true);
        };

        var receiving = scripted.Channel.ReceiveAsync(Ct).AsTask();
        scripted.Connection.FeedEnd();

        (await receiving).Should().BeNull();
        (await scripted.Channel.Closed).Should().BeEquivalentTo(new { Status = ChannelCloseStatus.Normal, IsRemote = true });
        await scripted.DisposeAsync();
    }

    private static async Task CloseAndGiveUpAsync()
    {
        var scripted = new ScriptedChannel();
        scripted.Connection.HoldWrites();
        await scripted.Channel.SendAsync(new byte[] { 1 }, Ct);
        var closing = scripted.Channel.CloseAsync(cancellationToken: Ct).AsTask();
        await scripted.Connection.ReadBegun.WaitAsync(Ct);
        scripted.Connection.FeedFailure(new IOException(GivenUp));

        scripted.Channel.Abort();
        await closing;
        await scripted.Connection.Disposed.WaitAsync(Ct);
    }
}
