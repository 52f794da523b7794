using System.Buffers;
using System.Text;
using System.Text.Json;
using Transports.Tests.Channels;

namespace Transports.Tests.Serialization;

public sealed class TypedMessageChannelTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public static TheoryData<string> Framings => ["length", "varint", "content-length", "lines"];

    [Theory]
    [MemberData(nameof(Framings))]
    public async Task SendAndReceive_DifferentTypesEachWay_Arrive(string framing)
    {
        var (a, b) = DuplexPipe.CreateChannels(Find(framing));
        await using var client = a.WithJson(ShopContext.Default.Order, ShopContext.Default.Receipt);
        await using var server = b.WithJson(ShopContext.Default.Receipt, ShopContext.Default.Order);
        var serving = Task.Run(
            async () =>
            {
                await foreach (var order in server.ReceiveAllAsync(Ct))
                {
                    await server.SendAsync(new Receipt(order.Number, order.Item.Length > 0), Ct);
                }

                await server.CompleteSendingAsync(Ct);
            },
            Ct);

        for (var i = 0; i < 100; i++)
        {
            await client.SendAsync(new Order(i, new string('x', i * 17)), Ct);
        }

        await client.CompleteSendingAsync(Ct);
        for (var i = 0; i < 100; i++)
        {
            (await client.ReceiveAsync(Ct)).Value.Should().Be(new Receipt(i, i > 0));
        }

        (await client.ReceiveAsync(Ct)).HasValue.Should().BeFalse();
        await serving;
    }

    [Theory]
    [MemberData(nameof(Framings))]
    public async Task SendAsync_SerializerThrowsHalfWay_SendsNothingAndTheNextIsWhole(string framing)
    {
        await using var scripted = new ScriptedChannel(Find(framing));
        var typed = scripted.Channel.WithSerializer(new FakeSerializer((value, output) =>
        {
            output.Write(Encoding.UTF8.GetBytes(value));
            if (value == "bad")
            {
                throw new FormatException("half way");
            }
        }));

        await typed.SendAsync("one", Ct);
        var send = async () => await typed.SendAsync("bad", Ct);
        await send.Should().ThrowAsync<FormatException>();
        await typed.SendAsync("two", Ct);
        await typed.FlushAsync(Ct);

        scripted.WrittenMessages().Select(Encoding.UTF8.GetString).Should().Equal("one", "two");
    }

    [Theory]
    [MemberData(nameof(Framings))]
    public async Task SendAsync_WaitingAndThenThrowing_FailsAloneAndOthersGoOn(string framing)
    {
        await using var scripted = new ScriptedChannel(Find(framing));
        await scripted.FillAsync();
        await scripted.Channel.SendAsync(ScriptedChannel.Bytes(2, 380), Ct);
        var held = scripted.Channel.SendAsync(ScriptedChannel.Bytes(3, 500), Ct).AsTask();
        var typed = scripted.Channel.WithSerializer(new FakeSerializer((value, output) =>
        {
            output.Write(Encoding.UTF8.GetBytes(value));
            if (value == "bad")
            {
                throw new FormatException("half way");
            }
        }));
        var bad = typed.SendAsync("bad", Ct).AsTask();
        var good = typed.SendAsync("good", Ct).AsTask();
        bad.IsCompleted.Should().BeFalse();

        scripted.Connection.ReleaseWrites();
        var wait = () => bad;
        await wait.Should().ThrowAsync<FormatException>();
        await Task.WhenAll(held, good);
        await typed.FlushAsync(Ct);

        scripted.WrittenMessages().Should().HaveCount(5).And.Subject.Last().Should().Equal("good"u8.ToArray());
    }

    [Theory]
    [InlineData("length", 10)]
    [InlineData("lines", 10)]
    public async Task SendAsync_SerializedOverTheLimit_SendsNothingAndTheChannelStaysOpen(string framing, int limit)
    {
        await using var scripted = new ScriptedChannel(Find(framing), maxMessageSize: limit);
        var typed = scripted.Channel.WithJson(ShopContext.Default.String);
        var send = async () => await typed.SendAsync("0123456789", Ct);

        await send.Should().ThrowAsync<MessageTooLargeException>();
        await typed.SendAsync("01234567", Ct);
        await typed.FlushAsync(Ct);

        scripted.WrittenMessages().Should().ContainSingle().Which.Should().Equal("\"01234567\""u8.ToArray());
    }

    [Fact]
    public async Task SendAsync_SerializerSendsOrFlushesOnItsChannel_IsRefusedAndTheFrameIsWhole()
    {
        await using var scripted = new ScriptedChannel();
        scripted.Connection.HoldWrites();
        await scripted.Channel.SendAsync(new byte[] { 0 }, Ct);
        scripted.Connection.ReleaseWrites();

        // Twice, so that once the flusher is idle and once queued.
        for (var i = 0; i < 2; i++)
        {
            Func<Task>? send = null;
            Func<Task>? batch = null;
            Func<Task>? typed = null;
            Func<Task>? flush = null;
            var serializer = new FakeSerializer((value, output) =>
            {
                output.Write("be"u8);
                var sent = scripted.Channel.SendAsync(new byte[1]).AsTask();
                var sentBatch = scripted.Channel.SendAsync(new Message[] { new byte[1] }).AsTask();
                var sentTyped = scripted.Channel.SendAsync("x", new FakeSerializer((_, _) => { })).AsTask();
                var flushed = scripted.Channel.FlushAsync().AsTask();
                (send, batch, typed, flush) = (() => sent, () => sentBatch, () => sentTyped, () => flushed);
                output.Write("gun"u8);
            });
            await scripted.Channel.WithSerializer(serializer).SendAsync("", Ct);
            foreach (var call in new[] { send!, batch!, typed!, flush! })
            {
                await call.Should().ThrowAsync<InvalidOperationException>().WithMessage("*serializer*");
            }
        }

        await scripted.Channel.FlushAsync(Ct);
        scripted.WrittenMessages().Skip(1).Select(Encoding.ASCII.GetString).Should().Equal("begun", "begun");
    }

    [Fact]
    public async Task SendAsync_SerializerAbortsItsChannel_FailsAndWritesToNobodysMemory()
    {
        var scripted = new ScriptedChannel();
        var serializer = new FakeSerializer((value, output) =>
        {
            var span = output.GetSpan(10);
            scripted.Channel.Abort();
            span[..10].Fill(1);
            output.Advance(10);
        });
        var send = async () => await scripted.Channel.WithSerializer(serializer).SendAsync("", Ct);

        await send.Should().ThrowAsync<MessageChannelClosedException>();

        await scripted.DisposeAsync();
    }

    [Fact]
    public async Task SendAsync_ThroughADecorator_PassesByItAndKeepsTheKind()
    {
        var (a, b) = DuplexPipe.CreateChannels();
        await using var peer = b;
        var passing = new PassingChannel(a);
        await using var typed = passing.WithJson(ShopContext.Default.String);

        await typed.SendAsync("hi", Ct);

        passing.Sent.Should().Equal([("\"hi\"", MessageKind.Text)]);
        (await b.ReceiveAsync(Ct))!.Value.GetText().Should().Be("\"hi\"");
    }

    [Fact]
    public async Task SendAsync_DecoratorThatHoldsTheMessage_KeepsItsMemoryUntilItIsDone()
    {
        var (a, b) = DuplexPipe.CreateChannels();
        await using var peer = b;
        var release = new TaskCompletionSource();
        var passing = new PassingChannel(a) { Hold = release.Task };
        await using var typed = passing.WithJson(ShopContext.Default.String);

        var sends = Enumerable.Range(0, 10).Select(i => typed.SendAsync($"text {i}", Ct).AsTask()).ToArray();
        release.SetResult();
        await Task.WhenAll(sends);

        passing.Sent.Select(sent => sent.Text).Should().BeEquivalentTo(Enumerable.Range(0, 10).Select(i => $"\"text {i}\""));
    }

    [Fact]
    public async Task ReceiveAsync_GarbageBetweenGood_ThrowsForThatOneAndTheChannelStaysOpen()
    {
        await using var scripted = new ScriptedChannel();
        var typed = scripted.Channel.WithJson(ShopContext.Default.Receipt);
        scripted.FeedMessage([.. """{"Number":1}"""u8]);
        scripted.FeedMessage([.. "garbage"u8]);
        scripted.FeedMessage([.. """{"Number":2}"""u8]);

        (await typed.ReceiveAsync(Ct)).Value.Number.Should().Be(1);
        var receive = async () => await typed.ReceiveAsync(Ct);
        await receive.Should().ThrowAsync<JsonException>();
        (await typed.ReceiveAsync(Ct)).Value.Number.Should().Be(2);
        scripted.Channel.Closed.IsCompleted.Should().BeFalse();
    }

    [Fact]
    public async Task ReceiveAsync_WhileAnotherWaits_IsRefusedAndTheFirstGoesOn()
    {
        await using var scripted = new ScriptedChannel();
        var typed = scripted.Channel.WithJson(ShopContext.Default.Receipt);
        var first = typed.ReceiveAsync(Ct).AsTask();

        var second = async () => await typed.ReceiveAsync(Ct);
        await second.Should().ThrowAsync<InvalidOperationException>();

        scripted.FeedMessage([.. """{"Number":1}"""u8]);
        (await first).Value.Number.Should().Be(1);
    }

    [Fact]
    public async Task ReceiveAsync_Cancelled_LosesNothing()
    {
        await using var scripted = new ScriptedChannel();
        var typed = scripted.Channel.WithJson(ShopContext.Default.Receipt);
        using var cancellation = new CancellationTokenSource();
        var cancelled = typed.ReceiveAsync(cancellation.Token).AsTask();
        await cancellation.CancelAsync();
        var wait = () => cancelled;
        await wait.Should().ThrowAsync<OperationCanceledException>();

        scripted.FeedMessage([.. """{"Number":1}"""u8]);
        (await typed.ReceiveAsync(Ct)).Value.Number.Should().Be(1);
    }

    [Fact]
    public async Task TryReceive_Arrived_GivesTheValue()
    {
        await using var scripted = new ScriptedChannel();
        var typed = scripted.Channel.WithJson(ShopContext.Default.Receipt);
        scripted.Connection.Feed([.. scripted.Frame([.. """{"Number":1}"""u8]), .. scripted.Frame([.. """{"Number":2}"""u8])]);
        typed.TryReceive(out _).Should().BeFalse();

        (await typed.ReceiveAsync(Ct)).Value.Number.Should().Be(1);
        typed.TryReceive(out var second).Should().BeTrue();
        second!.Number.Should().Be(2);
    }

    private static IMessageFraming Find(string name) => name switch
    {
        "length" => LengthPrefixedFraming.Default,
        "varint" => VarintFraming.Default,
        "content-length" => ContentLengthFraming.Default,
        _ => DelimiterFraming.Lines,
    };
}
