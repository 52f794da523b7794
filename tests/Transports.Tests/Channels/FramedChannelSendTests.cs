using System.Buffers;
using System.Text;
using Transports.Tests.Serialization;

namespace Transports.Tests.Channels;

public sealed class FramedChannelSendTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task SendAsync_WaitingSenders_AreServedFirstInFirstOut()
    {
        await using var scripted = new ScriptedChannel();
        await scripted.FillAsync();
        var waiting = Enumerable.Range(2, 20).Select(i => scripted.Channel.SendAsync(ScriptedChannel.Bytes((byte)i), Ct).AsTask()).ToArray();
        waiting.Should().OnlyContain(task => !task.IsCompleted);

        scripted.Connection.ReleaseWrites();
        await Task.WhenAll(waiting);
        await scripted.Channel.FlushAsync(Ct);

        scripted.WrittenMessages().Select(payload => payload[0]).Should().Equal(Enumerable.Range(0, 22).Select(i => (byte)i));
    }

    [Fact]
    public async Task SendAsync_WhileAnotherSenderIsInside_KeepsTheOrderOfItsCalls()
    {
        await using var scripted = new ScriptedChannel();
        using var inside = new ManualResetEventSlim();
        using var goOn = new ManualResetEventSlim();
        var slow = new FakeSerializer((_, output) =>
        {
            inside.Set();
            goOn.Wait(TimeSpan.FromSeconds(30));
            output.Write<byte>([0]);
        });
        var first = Task.Run(() => scripted.Channel.SendAsync("slow", slow, Ct).AsTask(), Ct);
        inside.Wait(TimeSpan.FromSeconds(30), Ct).Should().BeTrue();
        var calling = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var others = Task.Run(
            () =>
            {
                calling.SetResult();
                return Task.WhenAll(Enumerable.Range(1, 9).Select(i => scripted.Channel.SendAsync(new[] { (byte)i }, Ct).AsTask()));
            },
            Ct);
        await calling.Task;
        goOn.Set();
        await Task.WhenAll(first, others);
        await scripted.Channel.FlushAsync(Ct);

        scripted.WrittenMessages().Select(payload => payload[0]).Should().Equal(Enumerable.Range(0, 10).Select(i => (byte)i));
    }

    [Fact]
    public async Task SendAsync_SmallMessageBehindAWaitingLargeOne_DoesNotOvertake()
    {
        await using var scripted = new ScriptedChannel();
        await scripted.FillAsync();
        var large = scripted.Channel.SendAsync(ScriptedChannel.Bytes(2), Ct).AsTask();
        var small = scripted.Channel.SendAsync(new byte[] { 3 }, Ct).AsTask();
        small.IsCompleted.Should().BeFalse();

        scripted.Connection.ReleaseWrites();
        await Task.WhenAll(large, small);
        await scripted.Channel.FlushAsync(Ct);

        scripted.WrittenMessages().Select(payload => payload[0]).Should().Equal(0, 1, 2, 3);
    }

    [Fact]
    public async Task SendAsync_CancelledWhileWaiting_IsNotSentAndTheChannelIsIntact()
    {
        await using var scripted = new ScriptedChannel();
        await scripted.FillAsync();
        using var cancellation = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var before = scripted.Channel.SendAsync(ScriptedChannel.Bytes(2), Ct).AsTask();
        var cancelled = scripted.Channel.SendAsync(ScriptedChannel.Bytes(3), cancellation.Token).AsTask();
        var after = scripted.Channel.SendAsync(ScriptedChannel.Bytes(4), Ct).AsTask();

        await cancellation.CancelAsync();
        var wait = () => cancelled;
        (await wait.Should().ThrowAsync<OperationCanceledException>()).Which.CancellationToken.Should().Be(cancellation.Token);
        scripted.Connection.ReleaseWrites();
        await before;
        await after;
        await scripted.Channel.FlushAsync(Ct);

        scripted.WrittenMessages().Select(payload => payload[0]).Should().Equal(0, 1, 2, 4);
    }

    [Fact]
    public async Task SendAsync_AlreadyCancelled_IsNotSent()
    {
        await using var scripted = new ScriptedChannel();
        var send = async () => await scripted.Channel.SendAsync(new byte[] { 1 }, new CancellationToken(canceled: true));

        await send.Should().ThrowAsync<OperationCanceledException>();
        await scripted.Channel.SendAsync(new byte[] { 2 }, Ct);
        await scripted.Channel.FlushAsync(Ct);
        scripted.WrittenMessages().Should().ContainSingle().Which.Should().Equal(2);
    }

    [Fact]
    public async Task SendAsync_Completed_LeavesTheCallersMemoryItsOwn()
    {
        await using var scripted = new ScriptedChannel();
        scripted.Connection.HoldWrites();
        var mine = new byte[] { 1, 2, 3 };
        await scripted.Channel.SendAsync(mine, Ct);
        mine.AsSpan().Fill(0xFF);

        scripted.Connection.ReleaseWrites();
        await scripted.Channel.FlushAsync(Ct);

        scripted.WrittenMessages().Should().ContainSingle().Which.Should().Equal(1, 2, 3);
    }

    [Fact]
    public async Task SendAsync_EmptyMessage_IsAFrame()
    {
        await using var scripted = new ScriptedChannel();
        await scripted.Channel.SendAsync(Array.Empty<byte>(), Ct);
        await scripted.Channel.FlushAsync(Ct);
        scripted.WrittenMessages().Should().ContainSingle().Which.Should().BeEmpty();
    }

    [Fact]
    public async Task SendAsync_OverTheLimit_IsRefusedAndTheChannelStaysOpen()
    {
        await using var scripted = new ScriptedChannel(maxMessageSize: 10);
        var send = async () => await scripted.Channel.SendAsync(new byte[11], Ct);

        await send.Should().ThrowAsync<MessageTooLargeException>();
        await scripted.Channel.SendAsync(new byte[10], Ct);
        await scripted.Channel.FlushAsync(Ct);
        scripted.WrittenMessages().Should().ContainSingle();
    }

    [Fact]
    public async Task SendAsync_BatchWithOneThatTheFramingRefuses_SendsNothingOfIt()
    {
        await using var scripted = new ScriptedChannel(DelimiterFraming.Lines);
        var send = async () => await scripted.Channel.SendAsync(new Message[] { "a"u8.ToArray(), "b\n"u8.ToArray(), "c"u8.ToArray() }, Ct);

        await send.Should().ThrowAsync<MessageFramingException>();
        await scripted.Channel.SendAsync("d"u8.ToArray(), Ct);
        await scripted.Channel.FlushAsync(Ct);
        Encoding.ASCII.GetString(scripted.Connection.Written).Should().Be("d\n");
    }

    [Fact]
    public async Task SendAsync_WaitingBatch_StaysTogether()
    {
        await using var scripted = new ScriptedChannel();
        await scripted.FillAsync();
        var batch = scripted.Channel.SendAsync(new Message[] { new byte[] { 2 }, ScriptedChannel.Bytes(3, 5000), new byte[] { 4 } }, Ct).AsTask();
        var other = scripted.Channel.SendAsync(new byte[] { 5 }, Ct).AsTask();

        scripted.Connection.ReleaseWrites();
        await Task.WhenAll(batch, other);
        await scripted.Channel.FlushAsync(Ct);

        scripted.WrittenMessages().Select(payload => payload[0]).Should().Equal(0, 1, 2, 3, 4, 5);
    }

    [Fact]
    public async Task SendAsync_WaitingAndThenRefusedByTheFraming_FailsAloneAndOthersGoOn()
    {
        await using var scripted = new ScriptedChannel(DelimiterFraming.Lines);
        await scripted.FillAsync();
        var refused = scripted.Channel.SendAsync(ScriptedChannel.Bytes((byte)'\n'), Ct).AsTask();
        var good = scripted.Channel.SendAsync(ScriptedChannel.Bytes(2), Ct).AsTask();

        scripted.Connection.ReleaseWrites();
        await good;
        var wait = () => refused;
        await wait.Should().ThrowAsync<MessageFramingException>();
        await scripted.Channel.FlushAsync(Ct);

        scripted.WrittenMessages().Select(payload => payload[0]).Should().Equal(0, 1, 2);
    }

    [Fact]
    public async Task SendAsync_ManySendersAtOnce_KeepsEachOnesOrderAndWholeness()
    {
        await using var scripted = new ScriptedChannel();
        await Task.WhenAll(Enumerable.Range(0, 8).Select(sender => Task.Run(
            async () =>
            {
                for (var i = 0; i < 500; i++)
                {
                    await scripted.Channel.SendAsync(new byte[] { (byte)sender, (byte)(i >> 8), (byte)i }, Ct);
                }
            },
            Ct)));
        await scripted.Channel.FlushAsync(Ct);

        var messages = scripted.WrittenMessages();
        messages.Should().HaveCount(4000);
        foreach (var sender in messages.GroupBy(message => message[0]))
        {
            sender.Select(message => (message[1] << 8) | message[2]).Should().Equal(Enumerable.Range(0, 500));
        }
    }

    [Fact]
    public async Task FlushAsync_WhileAWriteIsHeld_CompletesWhenItIsDone()
    {
        await using var scripted = new ScriptedChannel();
        await scripted.FillAsync();
        var flush = scripted.Channel.FlushAsync(Ct).AsTask();
        flush.IsCompleted.Should().BeFalse();

        scripted.Connection.ReleaseWrites();
        await flush;

        scripted.WrittenMessages().Should().HaveCount(2);
    }

    [Fact]
    public async Task FlushAsync_Cancelled_SendsAllTheSame()
    {
        await using var scripted = new ScriptedChannel();
        await scripted.FillAsync();
        using var cancellation = new CancellationTokenSource();
        var cancelled = scripted.Channel.FlushAsync(cancellation.Token).AsTask();
        var other = scripted.Channel.FlushAsync(Ct).AsTask();

        await cancellation.CancelAsync();
        var wait = () => cancelled;
        await wait.Should().ThrowAsync<OperationCanceledException>();
        scripted.Connection.ReleaseWrites();
        await other;

        scripted.WrittenMessages().Should().HaveCount(2);
    }

    [Fact]
    public async Task SendAsync_AfterAWriteFailed_EverybodyGetsTheFailure()
    {
        var scripted = new ScriptedChannel();
        await scripted.FillAsync();
        var waiting = scripted.Channel.SendAsync(ScriptedChannel.Bytes(2), Ct).AsTask();
        var flush = scripted.Channel.FlushAsync(Ct).AsTask();
        var error = new IOException("the cable");
        scripted.Connection.FailWrites(error);
        scripted.Connection.FeedFailure(error);

        foreach (var task in (Func<Task>[])[() => waiting, () => flush, () => scripted.Channel.SendAsync(new byte[1], Ct).AsTask(), () => scripted.Channel.ReceiveAsync(Ct).AsTask()])
        {
            var failure = await task.Should().ThrowAsync<MessageChannelClosedException>();
            failure.Which.CloseInfo.Status.Should().Be(ChannelCloseStatus.ConnectionLost);
            failure.Which.CloseInfo.Exception.Should().BeSameAs(error);
        }

        (await scripted.Channel.Closed).Exception.Should().BeSameAs(error);
        scripted.Connection.WasAborted.Should().BeTrue();
        await scripted.DisposeAsync();
    }

    [Fact]
    public async Task CompleteSendingAsync_SendersStillWaiting_SendsTheirsBeforeTheEnd()
    {
        await using var scripted = new ScriptedChannel();
        await scripted.FillAsync();
        var waiting = Enumerable.Range(2, 5).Select(i => scripted.Channel.SendAsync(ScriptedChannel.Bytes((byte)i), Ct).AsTask()).ToArray();
        var completing = scripted.Channel.CompleteSendingAsync(Ct).AsTask();
        scripted.Connection.WritesCompleted.Should().BeFalse();

        scripted.Connection.ReleaseWrites();
        await completing;
        await Task.WhenAll(waiting);

        scripted.WrittenMessages().Should().HaveCount(7);
        scripted.Connection.WritesCompleted.Should().BeTrue();
        scripted.Channel.Closed.IsCompleted.Should().BeFalse();
    }

    [Fact]
    public async Task CompleteSendingAsync_LastWaitingSenderCancelled_StillEnds()
    {
        await using var scripted = new ScriptedChannel();
        await scripted.FillAsync();
        using var cancellation = new CancellationTokenSource();
        var waiting = scripted.Channel.SendAsync(ScriptedChannel.Bytes(2), cancellation.Token).AsTask();
        var completing = scripted.Channel.CompleteSendingAsync(Ct).AsTask();
        await cancellation.CancelAsync();

        scripted.Connection.ReleaseWrites();
        await completing;

        var wait = () => waiting;
        await wait.Should().ThrowAsync<OperationCanceledException>();
        scripted.WrittenMessages().Should().HaveCount(2);
    }

    [Fact]
    public async Task CompleteSendingAsync_Then_ReceivesGoOnAndSendsAreRefused()
    {
        await using var scripted = new ScriptedChannel();
        await scripted.Channel.SendAsync(new byte[] { 1 }, Ct);
        await scripted.Channel.CompleteSendingAsync(Ct);
        await scripted.Channel.CompleteSendingAsync(Ct);

        scripted.WrittenMessages().Should().ContainSingle();
        var send = async () => await scripted.Channel.SendAsync(new byte[1], Ct);
        await send.Should().ThrowAsync<InvalidOperationException>();
        scripted.FeedMessage(7);
        (await scripted.Channel.ReceiveAsync(Ct))!.Value.ToArray().Should().Equal(7);
    }

    [Fact]
    public async Task CloseAsync_SendersStillWaiting_RefusesThemAndSendsWhatWasAccepted()
    {
        await using var scripted = new ScriptedChannel();
        await scripted.FillAsync();
        var waiting = Enumerable.Range(2, 5).Select(i => scripted.Channel.SendAsync(ScriptedChannel.Bytes((byte)i), Ct).AsTask()).ToArray();
        var closing = scripted.Channel.CloseAsync(cancellationToken: Ct).AsTask();

        scripted.Connection.ReleaseWrites();
        await closing;
        foreach (var send in waiting)
        {
            var wait = () => send;
            await wait.Should().ThrowAsync<MessageChannelClosedException>();
        }

        scripted.WrittenMessages().Should().HaveCount(2);
        var info = await scripted.Channel.Closed;
        info.Status.Should().Be(ChannelCloseStatus.Normal);
        info.IsRemote.Should().BeFalse();
    }

    [Fact]
    public async Task Abort_WithSendersWaitingAndAWriteHeld_FailsThemAndReturnsTheMemory()
    {
        var scripted = new ScriptedChannel();
        await scripted.FillAsync();
        var waiting = scripted.Channel.SendAsync(ScriptedChannel.Bytes(2), Ct).AsTask();
        var cause = new TimeZoneNotFoundException();

        scripted.Channel.Abort(cause);
        scripted.Channel.Abort();

        var wait = () => waiting;
        (await wait.Should().ThrowAsync<MessageChannelClosedException>()).Which.CloseInfo.Status.Should().Be(ChannelCloseStatus.Aborted);
        (await scripted.Channel.Closed).Exception.Should().BeSameAs(cause);
        await scripted.DisposeAsync();
    }
}
