using System.Text;

namespace Transports.Tests.Serialization;

public sealed class MessageChannelExtensionsTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task SendAsync_Text_ArrivesAsUtf8(bool decorated)
    {
        var (a, b) = DuplexPipe.CreateChannels();
        await using var peer = b;
        await using IMessageChannel channel = decorated ? new PassingChannel(a) : a;

        await channel.SendAsync("gr\u00fc\u00df dich", Ct);
        await channel.SendAsync("", Ct);

        (await b.ReceiveAsync(Ct))!.Value.GetText().Should().Be("gr\u00fc\u00df dich");
        (await b.ReceiveAsync(Ct))!.Value.Length.Should().Be(0);
        (channel as PassingChannel)?.Sent.Should().OnlyContain(sent => sent.Kind == MessageKind.Text);
    }

    [Fact]
    public async Task SendAsync_LoneSurrogate_IsRefusedAndTheChannelStaysOpen()
    {
        var (a, b) = DuplexPipe.CreateChannels();
        await using var channel = a;
        await using var peer = b;
        var send = async () => await a.SendAsync("ab\ud800", Ct);

        await send.Should().ThrowAsync<EncoderFallbackException>();
        await a.SendAsync("ab", Ct);
        (await b.ReceiveAsync(Ct))!.Value.GetText().Should().Be("ab");
    }

    [Fact]
    public async Task ReadAllAsync_UntilThePeerFinishes_GivesEachMessage()
    {
        var (a, b) = DuplexPipe.CreateChannels();
        await using var channel = a;
        await using var peer = b;
        for (byte i = 0; i < 5; i++)
        {
            await a.SendAsync(new[] { i }, Ct);
        }

        await a.CompleteSendingAsync(Ct);
        var read = new List<byte>();
        await foreach (var message in b.ReceiveAllAsync(Ct))
        {
            read.AddRange(message.ToArray());
        }

        read.Should().Equal(0, 1, 2, 3, 4);
    }

    [Fact]
    public async Task ReadAllAsync_Cancelled_LosesNothing()
    {
        var (a, b) = DuplexPipe.CreateChannels();
        await using var channel = a;
        await using var peer = b;
        using var cancellation = new CancellationTokenSource();
        var reading = Task.Run(
            async () =>
            {
                await foreach (var _ in b.ReceiveAllAsync().WithCancellation(cancellation.Token))
                {
                }
            },
            Ct);
        await cancellation.CancelAsync();
        var wait = () => reading;
        await wait.Should().ThrowAsync<OperationCanceledException>();

        await a.SendAsync("x", Ct);
        (await b.ReceiveAsync(Ct))!.Value.GetText().Should().Be("x");
    }

    [Fact]
    public async Task PipeToAsync_BetweenFramings_CopiesAllAndHalfCloses()
    {
        var (a, b) = DuplexPipe.CreateChannels(LengthPrefixedFraming.Default);
        var (c, d) = DuplexPipe.CreateChannels(ContentLengthFraming.Default);
        await using var first = a;
        await using var second = b;
        await using var third = c;
        await using var fourth = d;
        var piping = b.CopyToAsync(c, Ct);
        var sending = Task.Run(
            async () =>
            {
                for (var i = 0; i < 200; i++)
                {
                    await a.SendAsync(new string('x', i * 13), Ct);
                }

                await a.CompleteSendingAsync(Ct);
            },
            Ct);

        for (var i = 0; i < 200; i++)
        {
            (await d.ReceiveAsync(Ct))!.Value.Length.Should().Be(i * 13);
        }

        (await d.ReceiveAsync(Ct)).Should().BeNull();
        await sending;
        await piping;
        await d.SendAsync("the other way is open", Ct);
        (await c.ReceiveAsync(Ct)).Should().NotBeNull();
    }

    [Fact]
    public async Task PipeToAsync_TargetWithoutHalfClose_FlushesAndLeavesItOpen()
    {
        var (a, b) = DuplexPipe.CreateChannels();
        await using var first = a;
        await using var second = b;
        using var written = new MemoryStream();
        await using var target = FramedMessageChannel.Create(written, VarintFraming.Default);
        await a.SendAsync("hello", Ct);
        await a.CompleteSendingAsync(Ct);

        await b.CopyToAsync(target, Ct);

        written.ToArray().Should().Equal([5, .. "hello"u8]);
        target.Closed.IsCompleted.Should().BeFalse();
    }
}
