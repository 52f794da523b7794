using System.Buffers;
using System.Text;
using Microsoft.Extensions.DependencyInjection;

namespace Transports.Tests.Memory;

public sealed class MemoryTransportTests
{
    private static readonly Uri Address = new("mem://test");

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task ConnectAsync_NobodyListens_SaysSo()
    {
        var act = async () => await new MemoryTransport().ConnectAsync(Address, Token);

        (await act.Should().ThrowAsync<TransportException>()).WithMessage("Nobody listens at mem://test*ListenAsync*");
    }

    [Fact]
    public async Task ConnectAsync_ListenerOfAnotherInstance_IsNotFound()
    {
        await using var listener = await new MemoryTransport().ListenAsync(Address, Token);

        var act = async () => await new MemoryTransport().ConnectAsync(Address, Token);

        await act.Should().ThrowAsync<TransportException>();
    }

    [Theory]
    [InlineData("mem:///")]
    [InlineData("tcp://name")]
    public async Task ConnectAsync_NotAMemoryAddress_IsRefused(string address)
    {
        var act = async () => await new MemoryTransport().ConnectAsync(new Uri(address), Token);

        (await act.Should().ThrowAsync<ArgumentException>()).WithMessage("*mem://name*");
    }

    [Fact]
    public async Task ListenAsync_NameInUse_SaysSo()
    {
        var transport = new MemoryTransport();
        await using var listener = await transport.ListenAsync(Address, Token);

        var act = async () => await transport.ListenAsync(new Uri("mem://TEST"), Token);

        (await act.Should().ThrowAsync<TransportException>()).WithMessage("Somebody listens at mem://test*");
    }

    [Fact]
    public async Task ListenAsync_AfterTheFirstStopped_TakesTheName()
    {
        var transport = new MemoryTransport();
        await (await transport.ListenAsync(Address, Token)).DisposeAsync();

        await using var listener = await transport.ListenAsync(Address, Token);

        await using var client = await transport.ConnectAsync(Address, Token);
        (await listener.AcceptAsync(Token)).Should().NotBeNull();
    }

    [Fact]
    public async Task StopAcceptingAsync_ChannelNeverAccepted_IsClosedAsGoingAway()
    {
        var transport = new MemoryTransport();
        await using var listener = await transport.ListenAsync(Address, Token);
        await using var client = await transport.ConnectAsync(Address, Token);

        await listener.StopAcceptingAsync(Token);

        (await listener.AcceptAsync(Token)).Should().BeNull();
        (await client.ReceiveAsync(Token)).Should().BeNull();
        (await client.Closed).Should().BeEquivalentTo(new { Status = ChannelCloseStatus.GoingAway, IsRemote = true });
    }

    [Fact]
    public async Task StopAcceptingAsync_AcceptWaits_ReturnsNull()
    {
        var transport = new MemoryTransport();
        await using var listener = await transport.ListenAsync(Address, Token);
        var accepting = listener.AcceptAsync(Token);

        await listener.StopAcceptingAsync(Token);

        (await accepting).Should().BeNull();
    }

    [Fact]
    public async Task ConnectAsync_BacklogFull_WaitsForAnAccept()
    {
        var transport = new MemoryTransport(new MemoryTransportOptions { AcceptBacklog = 1 });
        await using var listener = await transport.ListenAsync(Address, Token);
        await using var first = await transport.ConnectAsync(Address, Token);

        var second = transport.ConnectAsync(Address, Token).AsTask();
        second.IsCompleted.Should().BeFalse();
        await using var accepted = await listener.AcceptAsync(Token);

        await using var channel = await second;
    }

    [Fact]
    public async Task ConnectAsync_BacklogStaysFull_GivesUpAfterConnectTimeout()
    {
        var time = new ManualTimeProvider();
        var transport = new MemoryTransport(new MemoryTransportOptions { AcceptBacklog = 1, TimeProvider = time });
        await using var listener = await transport.ListenAsync(Address, Token);
        await using var first = await transport.ConnectAsync(Address, Token);
        var second = transport.ConnectAsync(Address, Token).AsTask();

        time.Advance(TimeSpan.FromSeconds(10));

        (await second.Invoking(task => task).Should().ThrowAsync<TransportException>()).WithMessage("*did not accept within*Backlog*");
    }

    [Fact]
    public async Task ConnectAsync_CancelledWhileBacklogFull_LeavesNothingOpen()
    {
        var pool = new CountingPool();
        var transport = new MemoryTransport(new MemoryTransportOptions { AcceptBacklog = 1, BufferPool = pool });
        await using var listener = await transport.ListenAsync(Address, Token);
        await using var first = await transport.ConnectAsync(Address, Token);
        using var cancel = new CancellationTokenSource();
        var second = transport.ConnectAsync(Address, cancel.Token).AsTask();

        await cancel.CancelAsync();

        (await second.Invoking(task => task).Should().ThrowAsync<OperationCanceledException>()).Which.CancellationToken.Should().Be(cancel.Token);
        pool.Rented.Should().Be(0);
    }

    [Fact]
    public async Task SendAsync_KindsAndEmptyMessages_ArriveAsSent()
    {
        await using var pair = await MemoryPair.OpenAsync();

        await pair.Client.SendAsync(Message.FromText("grüezi"), Token);
        await pair.Client.SendAsync(Array.Empty<byte>(), Token);
        await pair.Client.SendAsync(new Message(new ReadOnlyMemory<byte>([1, 2]), MessageKind.Binary), Token);

        var first = (await pair.Server.ReceiveAsync(Token))!.Value;
        first.Kind.Should().Be(MessageKind.Text);
        first.GetText().Should().Be("grüezi");
        pair.Server.TryReceive(out var second).Should().BeTrue();
        second.Length.Should().Be(0);
        second.Kind.Should().Be(MessageKind.Binary);
        (await pair.Server.ReceiveAsync(Token))!.Value.ToArray().Should().Equal(1, 2);
    }

    [Fact]
    public async Task SendAsync_ReceiverStalled_WaitsWithinTheBound()
    {
        var pool = new CountingPool();
        await using var pair = await MemoryPair.OpenAsync(new MemoryTransportOptions { SendBufferSize = 4096, BufferPool = pool });
        var payload = new byte[1000];
        ValueTask sending;
        var taken = 0;
        while ((sending = pair.Client.SendAsync(payload, Token)).IsCompleted)
        {
            await sending;
            taken++;
        }

        taken.Should().Be(4);
        pool.Bytes.Should().BeLessThanOrEqualTo(8192);
        (await pair.Server.ReceiveAsync(Token)).Should().NotBeNull();
        await sending;
    }

    [Fact]
    public async Task SendAsync_CancelledWhileWaiting_WasNotSent()
    {
        await using var pair = await MemoryPair.OpenAsync(new MemoryTransportOptions { SendBufferSize = 1024 });
        await pair.Client.SendAsync(new byte[1024], Token);
        using var cancel = new CancellationTokenSource();
        var cancelled = pair.Client.SendAsync(new byte[1], cancel.Token).AsTask();
        var later = pair.Client.SendAsync(new byte[2], Token).AsTask();

        await cancel.CancelAsync();

        await cancelled.Invoking(task => task).Should().ThrowAsync<OperationCanceledException>();
        (await pair.Server.ReceiveAsync(Token))!.Value.Length.Should().Be(1024);
        (await pair.Server.ReceiveAsync(Token))!.Value.Length.Should().Be(2);
        await later;
    }

    [Fact]
    public async Task SendAsync_ManySenders_ArriveInOrderOfEach()
    {
        await using var pair = await MemoryPair.OpenAsync(new MemoryTransportOptions { SendBufferSize = 1024 });
        const int senders = 8;
        const int each = 5_000;
        var sending = Enumerable.Range(0, senders).Select(sender => Task.Run(async () =>
        {
            var payload = new byte[8 + sender];
            for (var i = 0; i < each; i++)
            {
                BitConverter.TryWriteBytes(payload, sender);
                BitConverter.TryWriteBytes(payload.AsSpan(4), i);
                await pair.Client.SendAsync(payload, Token);
            }
        }, Token)).ToArray();

        var next = new int[senders];
        for (var received = 0; received < senders * each; received++)
        {
            var message = (await pair.Server.ReceiveAsync(Token))!.Value;
            var bytes = message.Payload.FirstSpan;
            var sender = BitConverter.ToInt32(bytes);
            BitConverter.ToInt32(bytes[4..]).Should().Be(next[sender]++);
            message.Length.Should().Be(8 + sender);
        }

        await Task.WhenAll(sending);
    }

    [Fact]
    public async Task SendAsync_Batch_StaysTogether()
    {
        await using var pair = await MemoryPair.OpenAsync(new MemoryTransportOptions { SendBufferSize = 1024 });
        await pair.Client.SendAsync(new byte[1000], Token);
        var batch = new Message[] { new byte[] { 1 }, new byte[] { 2 }, new byte[500] };
        var sending = pair.Client.SendAsync(batch.AsMemory(), Token).AsTask();
        var after = pair.Client.SendAsync(new byte[] { 9, 9 }, Token).AsTask();

        var lengths = new List<long>();
        for (var i = 0; i < 5; i++)
        {
            lengths.Add((await pair.Server.ReceiveAsync(Token))!.Value.Length);
        }

        lengths.Should().Equal(1000, 1, 1, 500, 2);
        await Task.WhenAll(sending, after);
    }

    [Fact]
    public async Task SendAsync_SerializerThrows_SendsNothing()
    {
        await using var pair = await MemoryPair.OpenAsync();
        var channel = (IInPlaceSerializer)pair.Client;

        var act = async () => await channel.SendAsync("x", new TextSerializer(throws: true), Token);
        await act.Should().ThrowAsync<FormatException>();
        await channel.SendAsync("whole", new TextSerializer(throws: false), Token);

        var message = (await pair.Server.ReceiveAsync(Token))!.Value;
        message.GetText().Should().Be("whole");
        message.Kind.Should().Be(MessageKind.Text);
    }

    [Fact]
    public async Task SendAsync_SteadyState_AllocatesNothing()
    {
        await using var pair = await MemoryPair.OpenAsync();
        var payload = new byte[64];
        async ValueTask RoundsAsync(int count)
        {
            // All of it completes at once, so it stays on this thread, whose allocations are counted.
            for (var i = 0; i < count; i++)
            {
                await pair.Client.SendAsync(payload, CancellationToken.None);
                await pair.Client.SendAsync(payload, CancellationToken.None);
                await pair.Server.ReceiveAsync(CancellationToken.None);
                pair.Server.TryReceive(out _);
            }
        }

        await RoundsAsync(1000);
        var before = GC.GetAllocatedBytesForCurrentThread();
        await RoundsAsync(10_000);

        (GC.GetAllocatedBytesForCurrentThread() - before).Should().BeLessThan(1000);
    }

    [Fact]
    public async Task ReceiveAsync_Cancelled_LosesNothing()
    {
        await using var pair = await MemoryPair.OpenAsync();
        using var cancel = new CancellationTokenSource();
        var receiving = pair.Server.ReceiveAsync(cancel.Token).AsTask();
        await cancel.CancelAsync();
        await receiving.Invoking(task => task).Should().ThrowAsync<OperationCanceledException>();

        await pair.Client.SendAsync("after"u8.ToArray(), Token);

        (await pair.Server.ReceiveAsync(Token))!.Value.GetText().Should().Be("after");
    }

    [Fact]
    public async Task ReceiveAsync_WaitingReceiver_DoesNotRunInsideTheSend()
    {
        await using var pair = await MemoryPair.OpenAsync();
        using var sent = new ManualResetEventSlim();
        var receiving = Task.Run(async () =>
        {
            await pair.Server.ReceiveAsync(Token).ConfigureAwait(false);
            return sent.Wait(TimeSpan.FromSeconds(30), Token);
        }, Token);

        // Would block here for ever if the receiver ran on this thread.
        await pair.Client.SendAsync(new byte[1], Token);
        sent.Set();

        (await receiving).Should().BeTrue();
    }

    [Fact]
    public async Task CompleteSendingAsync_MessagesBefore_AreReceivedAndTheOtherWayGoesOn()
    {
        await using var pair = await MemoryPair.OpenAsync(new MemoryTransportOptions { SendBufferSize = 1024 });
        await pair.Client.SendAsync(new byte[1000], Token);
        var waiting = pair.Client.SendAsync(new byte[500], Token).AsTask();
        await pair.Client.CompleteSendingAsync(Token);

        (await pair.Server.ReceiveAsync(Token))!.Value.Length.Should().Be(1000);
        (await pair.Server.ReceiveAsync(Token))!.Value.Length.Should().Be(500);
        (await pair.Server.ReceiveAsync(Token)).Should().BeNull();
        await waiting;
        await pair.Server.SendAsync("still here"u8.ToArray(), Token);
        (await pair.Client.ReceiveAsync(Token))!.Value.GetText().Should().Be("still here");
        await pair.Client.Invoking(async client => await client.SendAsync(new byte[1], Token)).Should().ThrowAsync<InvalidOperationException>();
    }

    [Theory]
    [InlineData(ChannelCloseStatus.Normal)]
    [InlineData(ChannelCloseStatus.GoingAway)]
    public async Task CloseAsync_Clean_IsReadAfterTheMessagesBeforeIt(ChannelCloseStatus status)
    {
        await using var pair = await MemoryPair.OpenAsync();
        await pair.Client.SendAsync(new byte[] { 1 }, Token);
        await pair.Client.SendAsync(new byte[] { 2 }, Token);
        await pair.Client.CloseAsync(status, "bye", Token);

        (await pair.Server.ReceiveAsync(Token))!.Value.ToArray().Should().Equal(1);
        (await pair.Server.ReceiveAsync(Token))!.Value.ToArray().Should().Equal(2);
        (await pair.Server.ReceiveAsync(Token)).Should().BeNull();
        (await pair.Server.Closed).Should().Be(new ChannelCloseInfo(status, IsRemote: true, "bye"));
        (await pair.Client.Closed).Should().Be(new ChannelCloseInfo(status, IsRemote: false, "bye"));
    }

    [Fact]
    public async Task CloseAsync_WithAReason_IsThrownAfterTheMessagesBeforeIt()
    {
        await using var pair = await MemoryPair.OpenAsync();
        await pair.Client.SendAsync(new byte[] { 1 }, Token);
        await pair.Client.SendAsync(new byte[] { 2 }, Token);
        await pair.Client.CloseAsync(ChannelCloseStatus.PolicyViolation, "no", Token);

        (await pair.Server.ReceiveAsync(Token))!.Value.ToArray().Should().Equal(1);
        pair.Server.TryReceive(out var second).Should().BeTrue();
        second.ToArray().Should().Equal(2);
        var act = async () => await pair.Server.ReceiveAsync(Token);
        (await act.Should().ThrowAsync<MessageChannelClosedException>()).Which.CloseInfo
            .Should().Be(new ChannelCloseInfo(ChannelCloseStatus.PolicyViolation, IsRemote: true, "no"));
        (await pair.Server.Closed).Status.Should().Be(ChannelCloseStatus.PolicyViolation);
        (await pair.Client.Closed).Should().Be(new ChannelCloseInfo(ChannelCloseStatus.PolicyViolation, IsRemote: false, "no"));
    }

    [Fact]
    public async Task CloseAsync_WithAReasonAndNothingUnread_EndsTheOtherSideAtOnce()
    {
        await using var pair = await MemoryPair.OpenAsync();

        await pair.Client.CloseAsync(ChannelCloseStatus.InternalError, "oops", Token);

        (await pair.Server.Closed).Should().Be(new ChannelCloseInfo(ChannelCloseStatus.InternalError, IsRemote: true, "oops"));
        (await pair.Client.Closed).Should().Be(new ChannelCloseInfo(ChannelCloseStatus.InternalError, IsRemote: false, "oops"));
    }

    [Fact]
    public async Task CloseAsync_ReceiveWaits_FailsWithTheStatusGiven()
    {
        await using var pair = await MemoryPair.OpenAsync();
        var receiving = pair.Client.ReceiveAsync(Token).AsTask();

        await pair.Client.CloseAsync(ChannelCloseStatus.TimedOut, "too slow", Token);

        (await receiving.Invoking(task => task).Should().ThrowAsync<MessageChannelClosedException>())
            .Which.CloseInfo.Should().Be(new ChannelCloseInfo(ChannelCloseStatus.TimedOut, IsRemote: false, "too slow"));
    }

    [Fact]
    public async Task CloseAsync_PeerWaitsForRoom_FailsItsSend()
    {
        await using var pair = await MemoryPair.OpenAsync(new MemoryTransportOptions { SendBufferSize = 1024 });
        await pair.Client.SendAsync(new byte[1024], Token);
        var sending = pair.Client.SendAsync(new byte[1024], Token).AsTask();

        await pair.Server.CloseAsync(ChannelCloseStatus.PolicyViolation, "enough", Token);

        (await sending.Invoking(task => task).Should().ThrowAsync<MessageChannelClosedException>()).Which.CloseInfo.Description.Should().Be("enough");
    }

    [Fact]
    public async Task Abort_OtherSide_HasLostItsConnection()
    {
        await using var pair = await MemoryPair.OpenAsync();
        var receiving = pair.Server.ReceiveAsync(Token).AsTask();

        pair.Client.Abort(new InvalidOperationException("mine"));

        (await receiving.Invoking(task => task).Should().ThrowAsync<MessageChannelClosedException>())
            .Which.CloseInfo.Status.Should().Be(ChannelCloseStatus.ConnectionLost);
        (await pair.Client.Closed).Status.Should().Be(ChannelCloseStatus.Aborted);
        (await pair.Server.Closed).IsRemote.Should().BeTrue();
    }

    [Fact]
    public async Task DisposeAsync_BothSides_GiveAllMemoryBack()
    {
        var pool = new CountingPool();
        var pair = await MemoryPair.OpenAsync(new MemoryTransportOptions { BufferPool = pool });
        for (var i = 0; i < 10; i++)
        {
            await pair.Client.SendAsync(new byte[300_000], Token).AsTask().WaitAsync(Token);
            (await pair.Server.ReceiveAsync(Token))!.Value.Length.Should().Be(300_000);
        }

        await pair.Server.SendAsync(new byte[100], Token);
        await pair.DisposeAsync();

        pool.Rented.Should().Be(0);
    }

    [Fact]
    public async Task DisposeAsync_WhileSendingAndReceiving_GivesAllMemoryBack()
    {
        for (var round = 0; round < 50; round++)
        {
            var pool = new CountingPool();
            var pair = await MemoryPair.OpenAsync(new MemoryTransportOptions { BufferPool = pool, SendBufferSize = 1024 });
            var sending = Task.Run(async () =>
            {
                while (true)
                {
                    await pair.Client.SendAsync(new byte[600], CancellationToken.None);
                }
            }, Token);
            var receiving = Task.Run(async () =>
            {
                while (await pair.Server.ReceiveAsync(CancellationToken.None) is not null)
                {
                }
            }, Token);
            await pair.Server.SendAsync(new byte[1], Token);
            (await pair.Client.ReceiveAsync(Token)).Should().NotBeNull();

            await pair.DisposeAsync();

            await sending.Invoking(task => task).Should().ThrowAsync<MessageChannelClosedException>();
            await receiving.ContinueWith(_ => { }, Token, TaskContinuationOptions.None, TaskScheduler.Default);
            pool.Rented.Should().Be(0);
        }
    }

    [Fact]
    public async Task AddTransports_MemoryAddress_IsOpenedByTheFactory()
    {
        await using var provider = new ServiceCollection().AddTransports().AddMemory(options => options.MaxMessageSize = 10).Services.BuildServiceProvider();
        var factory = provider.GetRequiredService<IMessageChannelFactory>();
        await using var listener = await factory.ListenAsync(Address, Token);

        await using var client = await factory.ConnectAsync(Address, Token);

        client.Characteristics.MaxMessageSize.Should().Be(10);
        provider.GetServices<ITransport>().Should().ContainSingle();
    }

    private sealed class TextSerializer(bool throws) : IMessageSerializer<string>
    {
        public MessageKind Kind => MessageKind.Text;

        public void Serialize(string value, IBufferWriter<byte> output)
        {
            output.Write(Encoding.UTF8.GetBytes(value));
            if (throws)
            {
                throw new FormatException();
            }
        }

        public string Deserialize(in ReadOnlySequence<byte> payload) => Encoding.UTF8.GetString(payload);
    }

    /// <summary>A send that meets the other side's end before its own channel knows of it.</summary>
    [Theory]
    [InlineData(ChannelCloseStatus.GoingAway)]
    [InlineData(ChannelCloseStatus.Aborted)]
    public async Task SendAsync_WhileTheOtherSideEnds_IsRefusedWithThePeersEnd(ChannelCloseStatus status)
    {
        await using var pair = await MemoryPair.OpenAsync(new MemoryTransportOptions { SendBufferSize = 1024 });
        await pair.Server.SendAsync(new byte[1024], Token);
        var waiting = pair.Server.SendAsync(new byte[1024], Token).AsTask();

        if (status == ChannelCloseStatus.Aborted)
        {
            pair.Client.Abort();
        }
        else
        {
            await pair.Client.CloseAsync(status, cancellationToken: Token);
        }

        var refused = (await FluentActions.Awaiting(() => waiting).Should().ThrowAsync<MessageChannelClosedException>()).Which.CloseInfo;
        refused.Should().Be(await pair.Server.Closed);
        refused.IsRemote.Should().BeTrue();
    }
}
