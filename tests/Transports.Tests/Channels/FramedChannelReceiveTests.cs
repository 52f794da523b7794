namespace Transports.Tests.Channels;

public sealed class FramedChannelReceiveTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(int.MaxValue)]
    public async Task ReceiveAsync_ReadsOfAnySize_GivesAllMessagesAndThenNull(int readLimit)
    {
        await using var scripted = new ScriptedChannel(readLimit: readLimit);
        var sizes = new[] { 0, 1, 2, 0, 700, 3000, 5 };
        scripted.Connection.Feed([.. sizes.SelectMany(size => scripted.Frame(ScriptedChannel.Bytes((byte)size, size)))]);
        scripted.Connection.FeedEnd();

        foreach (var size in sizes)
        {
            (await scripted.Channel.ReceiveAsync(Ct))!.Value.ToArray().Should().Equal(ScriptedChannel.Bytes((byte)size, size));
        }

        (await scripted.Channel.ReceiveAsync(Ct)).Should().BeNull();
        (await scripted.Channel.ReceiveAsync(Ct)).Should().BeNull();
        scripted.Channel.TryReceive(out _).Should().BeFalse();
    }

    [Fact]
    public async Task TryReceive_Arrived_DrainsWithoutReading()
    {
        await using var scripted = new ScriptedChannel();
        scripted.Connection.Feed([.. scripted.Frame([1]), .. scripted.Frame([2]), .. scripted.Frame([3])[..4]]);
        scripted.Channel.TryReceive(out _).Should().BeFalse("nothing was read yet");

        (await scripted.Channel.ReceiveAsync(Ct))!.Value.ToArray().Should().Equal(1);
        scripted.Channel.TryReceive(out var second).Should().BeTrue();
        second.ToArray().Should().Equal(2);
        scripted.Channel.TryReceive(out _).Should().BeFalse();
        scripted.Connection.IsReading.Should().BeFalse();

        scripted.Connection.Feed(3);
        (await scripted.Channel.ReceiveAsync(Ct))!.Value.ToArray().Should().Equal(3);
    }

    [Fact]
    public async Task Payload_AfterTheNextReceive_ThrowsAndRetainedOneStays()
    {
        await using var scripted = new ScriptedChannel();
        scripted.Connection.Feed([.. scripted.Frame([1]), .. scripted.Frame([2])]);
        var first = (await scripted.Channel.ReceiveAsync(Ct))!.Value;
        using var kept = first.Retain();

        scripted.Channel.TryReceive(out var second).Should().BeTrue();

        var stale = () => first.Payload;
        stale.Should().Throw<InvalidOperationException>().WithMessage("*Retain()*");
        kept.Message.ToArray().Should().Equal(1);
        second.ToArray().Should().Equal(2);
        scripted.Channel.TryReceive(out _).Should().BeFalse();
        var staleToo = () => second.ToArray();
        staleToo.Should().Throw<InvalidOperationException>();
    }

    [Fact]
    public async Task SendAsync_StaleMessage_IsRefusedAndTheChannelStaysOpen()
    {
        await using var scripted = new ScriptedChannel();
        scripted.Connection.Feed([.. scripted.Frame([1]), .. scripted.Frame([2])]);
        var first = (await scripted.Channel.ReceiveAsync(Ct))!.Value;
        var second = (await scripted.Channel.ReceiveAsync(Ct))!.Value;

        var send = async () => await scripted.Channel.SendAsync(first, Ct);
        await send.Should().ThrowAsync<InvalidOperationException>();
        await scripted.Channel.SendAsync(second, Ct);
        await scripted.Channel.FlushAsync(Ct);
        scripted.WrittenMessages().Should().ContainSingle().Which.Should().Equal(2);
    }

    [Fact]
    public async Task Payload_AfterDispose_Throws()
    {
        var scripted = new ScriptedChannel();
        scripted.FeedMessage(1);
        var message = (await scripted.Channel.ReceiveAsync(Ct))!.Value;

        await scripted.DisposeAsync();

        var stale = () => message.Payload;
        stale.Should().Throw<InvalidOperationException>();
    }

    [Fact]
    public async Task ReceiveAsync_WhileAnotherWaits_IsRefusedAndTheFirstGoesOn()
    {
        await using var scripted = new ScriptedChannel();
        var first = scripted.Channel.ReceiveAsync(Ct).AsTask();

        var second = async () => await scripted.Channel.ReceiveAsync(Ct);
        var third = () => scripted.Channel.TryReceive(out _);
        await second.Should().ThrowAsync<InvalidOperationException>();
        third.Should().Throw<InvalidOperationException>();

        scripted.FeedMessage(9);
        (await first)!.Value.ToArray().Should().Equal(9);
    }

    [Fact]
    public async Task ReceiveAsync_ResultNotTakenWhenTheNextBegins_IsNotTheNextOnes()
    {
        await using var scripted = new ScriptedChannel();
        var first = scripted.Channel.ReceiveAsync(Ct);
        var complete = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        first.GetAwaiter().OnCompleted(complete.SetResult);
        scripted.FeedMessage(1);
        await complete.Task;
        var second = scripted.Channel.ReceiveAsync(Ct);
        scripted.FeedMessage(2, 2);

        (await second)!.Value.ToArray().Should().Equal(2, 2);
        var message = (await first)!.Value;
        message.Length.Should().Be(1);
        var stale = () => message.ToArray();
        stale.Should().Throw<InvalidOperationException>();
    }

    [Fact]
    public async Task ReceiveAsync_ResultTakenTooEarly_IsRefusedAndTheReceiveGoesOn()
    {
        await using var scripted = new ScriptedChannel();
        var receiving = scripted.Channel.ReceiveAsync(Ct);
        var looking = () => receiving.GetAwaiter().GetResult();
        looking.Should().Throw<InvalidOperationException>();
        scripted.FeedMessage(1);

        (await receiving)!.Value.ToArray().Should().Equal(1);
        var again = () => receiving.GetAwaiter().GetResult();
        again.Should().Throw<InvalidOperationException>("a result is taken once");
        scripted.FeedMessage(2);
        (await scripted.Channel.ReceiveAsync(Ct))!.Value.ToArray().Should().Equal(2);
    }

    [Fact]
    public async Task ReceiveAsync_CancelledAtAnyPointOfAFrame_LosesNothing()
    {
        await using var scripted = new ScriptedChannel();
        foreach (var part in scripted.Frame([1, 2, 3, 4]))
        {
            using var cancellation = new CancellationTokenSource();
            var receiving = scripted.Channel.ReceiveAsync(cancellation.Token).AsTask();
            await cancellation.CancelAsync();
            var wait = () => receiving;
            (await wait.Should().ThrowAsync<OperationCanceledException>()).Which.CancellationToken.Should().Be(cancellation.Token);
            scripted.Connection.Feed(part);
        }

        (await scripted.Channel.ReceiveAsync(Ct))!.Value.ToArray().Should().Equal(1, 2, 3, 4);
        scripted.Channel.Closed.IsCompleted.Should().BeFalse();
    }

    [Fact]
    public async Task ReceiveAsync_AlreadyCancelled_LosesNothing()
    {
        await using var scripted = new ScriptedChannel();
        scripted.FeedMessage(1);
        var receive = async () => await scripted.Channel.ReceiveAsync(new CancellationToken(canceled: true));

        await receive.Should().ThrowAsync<OperationCanceledException>();
        (await scripted.Channel.ReceiveAsync(Ct))!.Value.ToArray().Should().Equal(1);
    }

    [Fact]
    public async Task ReceiveAsync_EndInsideAFrame_IsAFramingError()
    {
        var scripted = new ScriptedChannel();
        scripted.Connection.Feed([.. scripted.Frame([1]), 0, 0, 0, 5, 1, 2]);
        scripted.Connection.FeedEnd();
        (await scripted.Channel.ReceiveAsync(Ct))!.Value.ToArray().Should().Equal(1);

        for (var i = 0; i < 2; i++)
        {
            var receive = async () => await scripted.Channel.ReceiveAsync(Ct);
            await receive.Should().ThrowAsync<MessageFramingException>().WithMessage("*6 bytes*");
        }

        var info = await scripted.Channel.Closed;
        info.Status.Should().Be(ChannelCloseStatus.ProtocolError);
        info.IsRemote.Should().BeFalse();
        await scripted.DisposeAsync();
    }

    [Fact]
    public async Task ReceiveAsync_DeclaredLengthOverTheLimit_EndsBeforeTheBody()
    {
        var scripted = new ScriptedChannel(maxMessageSize: 100);
        scripted.Connection.Feed(0, 0, 0, 101);

        var receive = async () => await scripted.Channel.ReceiveAsync(Ct);
        await receive.Should().ThrowAsync<MessageTooLargeException>();

        (await scripted.Channel.Closed).Status.Should().Be(ChannelCloseStatus.MessageTooLarge);
        var send = async () => await scripted.Channel.SendAsync(new byte[1], Ct);
        await send.Should().ThrowAsync<MessageChannelClosedException>();
        await scripted.DisposeAsync();
    }

    [Fact]
    public async Task ReceiveAsync_LargeLengthOnlyDeclared_RentsNoMemoryForIt()
    {
        await using var scripted = new ScriptedChannel(maxMessageSize: 100_000_000);
        scripted.Connection.Feed(0x05, 0, 0, 0, 1, 2, 3);
        var receiving = scripted.Channel.ReceiveAsync(Ct).AsTask();

        scripted.Pool.MaxRent.Should().BeLessThan(10_000);
        scripted.Channel.Abort();
        var wait = () => receiving;
        await wait.Should().ThrowAsync<MessageChannelClosedException>();
    }

    [Fact]
    public async Task ReceiveAsync_ReadFails_IsAConnectionLost()
    {
        var scripted = new ScriptedChannel();
        var error = new IOException("the cable");
        scripted.FeedMessage(1);
        scripted.Connection.FeedFailure(error);
        (await scripted.Channel.ReceiveAsync(Ct))!.Value.ToArray().Should().Equal(1);

        var receive = async () => await scripted.Channel.ReceiveAsync(Ct);
        var failure = await receive.Should().ThrowAsync<MessageChannelClosedException>();

        failure.Which.CloseInfo.Status.Should().Be(ChannelCloseStatus.ConnectionLost);
        (await scripted.Channel.Closed).Exception.Should().BeSameAs(error);
        await scripted.DisposeAsync();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task ReceiveAsync_WaitingWhenThisSideEnds_ThrowsWithTheReason(bool abort)
    {
        await using var scripted = new ScriptedChannel();
        var receiving = scripted.Channel.ReceiveAsync(Ct).AsTask();

        if (abort)
        {
            scripted.Channel.Abort();
        }
        else
        {
            await scripted.Channel.CloseAsync(cancellationToken: Ct);
        }

        var expected = abort ? ChannelCloseStatus.Aborted : ChannelCloseStatus.Normal;
        var wait = () => receiving;
        (await wait.Should().ThrowAsync<MessageChannelClosedException>()).Which.CloseInfo.Status.Should().Be(expected);
        (await scripted.Channel.Closed).Status.Should().Be(expected);
    }

    [Fact]
    public async Task ReceiveAsync_ReadInterruptedToGiveItsBufferBack_GoesOn()
    {
        await using var scripted = new ScriptedChannel();
        scripted.FeedMessage(1);
        (await scripted.Channel.ReceiveAsync(Ct))!.Value.ToArray().Should().Equal(1);
        var receiving = scripted.Channel.ReceiveAsync(Ct).AsTask();
        scripted.Connection.IsReading.Should().BeTrue();

        scripted.Connection.InterruptRead();
        scripted.FeedMessage(2);

        (await receiving)!.Value.ToArray().Should().Equal(2);
    }

    [Fact]
    public async Task CloseAsync_ReadForThePeersEndInterrupted_StillEndsInOrder()
    {
        await using var scripted = new ScriptedChannel();
        await scripted.Channel.CloseAsync(cancellationToken: Ct);
        scripted.Connection.IsReading.Should().BeTrue("it waits for the peer to finish too");

        scripted.Connection.InterruptRead();
        scripted.FeedMessage(1);
        scripted.Connection.FeedEnd();

        await scripted.Connection.Disposed;
        scripted.Connection.WasAborted.Should().BeFalse();
    }
}
