namespace Transports.WebSockets.Tests;

/// <summary>What the peer's control frames do while nobody receives, and while much is sent.</summary>
public sealed class WebSocketWatchTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Ping_NobodyReceives_IsAnswered()
    {
        var stream = new ScriptedStream();
        await using var channel = stream.AsWebSocketMessageChannel(isServer: true);
        stream.Feed(Frames.Masked(true, 0x89, "who"u8));
        await stream.WhenWrittenAsync(5);
        stream.Written.Should().Equal(0x8A, 3, (byte)'w', (byte)'h', (byte)'o');
        Close(stream);
    }

    [Fact]
    public async Task Ping_BehindAMessageNobodyReceives_IsAnsweredOnceAndTheMessageIsThere()
    {
        var stream = new ScriptedStream();
        await using var channel = stream.AsWebSocketMessageChannel(isServer: true);
        stream.Feed([.. Frames.Masked(true, 0x82, [7]), .. Frames.Masked(true, 0x89, "a"u8), .. Frames.Masked(true, 0x82, [8])]);
        await stream.WhenWrittenAsync(3);
        (await channel.ReceiveAsync(Token))!.Value.ToArray().Should().Equal(7);
        (await channel.ReceiveAsync(Token))!.Value.ToArray().Should().Equal(8);
        stream.Feed(Frames.Masked(true, 0x88, [0x03, 0xE8]));
        (await channel.ReceiveAsync(Token)).Should().BeNull();
        await channel.Closed;
        await stream.WhenWrittenAsync(7);
        stream.Written.Should().Equal(0x8A, 1, (byte)'a', 0x88, 2, 0x03, 0xE8);
    }

    [Fact]
    public async Task Pings_WhileALargeMessageIsWritten_TheLatestIsAnsweredBeforeWhatWaits()
    {
        const int Size = 100_000;
        var stream = new ScriptedStream();
        await using var channel = stream.AsWebSocketMessageChannel(isServer: true);
        stream.HoldWrites();
        await channel.SendAsync(new byte[Size], Token);
        await stream.WhenWritesBegunAsync(1);
        await channel.SendAsync(new byte[Size], Token);
        var third = channel.SendAsync(new byte[Size], Token).AsTask();
        foreach (var payload in new[] { "a", "b", "c" })
        {
            stream.Feed(Frames.Masked(true, 0x89, System.Text.Encoding.ASCII.GetBytes(payload)));
            await stream.WhenAllWasLookedAtAsync();
        }

        stream.LetWritesGo();
        await third;
        await channel.FlushAsync(Token);
        const int Frame = 10 + Size;
        var written = stream.Written;
        written.Length.Should().Be((3 * Frame) + 3);
        written[Frame..(Frame + 3)].Should().Equal(0x8A, 1, (byte)'c');
        written[Frame + 3].Should().Be(0x82);
        Close(stream);
    }

    [Fact]
    public async Task Ping_BehindMoreUnreadBytesThanTheBound_IsAnsweredOnlyWhenTheyAreReceived()
    {
        const int Bound = 1024;
        var options = new WebSocketChannelOptions { ReceiveBufferSize = Bound };
        var stream = new ScriptedStream();
        await using var channel = stream.AsWebSocketMessageChannel(isServer: true, options: options);
        for (var i = 0; i < 8; i++)
        {
            stream.Feed(Frames.Masked(true, 0x82, new byte[1000]));
        }

        stream.Feed(Frames.Masked(true, 0x89, "x"u8));
        await stream.WhenReadAsync(Bound);
        await WatchHasComeByAsync();
        stream.IsReading.Should().BeFalse();
        stream.Written.Should().BeEmpty();
        for (var i = 0; i < 8; i++)
        {
            (await channel.ReceiveAsync(Token))!.Value.Length.Should().Be(1000);
        }

        await stream.WhenWrittenAsync(3);
        stream.Written.Should().Equal(0x8A, 1, (byte)'x');
        Close(stream);
    }

    [Theory]
    [InlineData("close frame", ChannelCloseStatus.GoingAway)]
    [InlineData("close frame against the rules", ChannelCloseStatus.ProtocolError)]
    [InlineData("end", ChannelCloseStatus.ConnectionLost)]
    [InlineData("end inside a frame", ChannelCloseStatus.ProtocolError)]
    [InlineData("end between fragments", ChannelCloseStatus.ProtocolError)]
    [InlineData("reset", ChannelCloseStatus.ConnectionLost)]
    public async Task Closed_PeerEndsWhileNobodyReceives_IsToldAndSendsFail(string how, ChannelCloseStatus status)
    {
        var stream = new ScriptedStream();
        await using var channel = stream.AsWebSocketMessageChannel(isServer: true);
        stream.Feed(Frames.Masked(true, 0x82, [7]));
        switch (how)
        {
            case "end inside a frame":
                stream.Feed(Frames.Masked(true, 0x82, [8, 9])[..^1]);
                stream.FeedEnd();
                break;
            case "end between fragments":
                stream.Feed(Frames.Masked(true, 0x02, [8, 9]));
                stream.FeedEnd();
                break;
            case "end":
                stream.FeedEnd();
                break;
            case "reset":
                stream.FeedFailure(new IOException("reset"));
                break;
            default:
                stream.Feed(Frames.Masked(true, 0x88, how == "close frame" ? [0x03, 0xE9] : [0x03]));
                break;
        }

        (await channel.Closed.WaitAsync(Token)).Status.Should().Be(status);
        await FluentActions.Awaiting(async () => await channel.SendAsync(new byte[1], Token)).Should().ThrowAsync<MessageChannelClosedException>();

        // What stood before is received all the same.
        (await channel.ReceiveAsync(Token))!.Value.ToArray().Should().Equal(7);
        if (status == ChannelCloseStatus.GoingAway)
        {
            (await channel.ReceiveAsync(Token)).Should().BeNull();
        }
        else
        {
            var receiving = FluentActions.Awaiting(async () => await channel.ReceiveAsync(Token));
            if (status == ChannelCloseStatus.ProtocolError)
            {
                await receiving.Should().ThrowAsync<MessageFramingException>();
            }
            else
            {
                await receiving.Should().ThrowAsync<MessageChannelClosedException>();
            }
        }

        if (how.StartsWith("close", StringComparison.Ordinal))
        {
            await stream.WhenWrittenAsync(4);
            stream.Written[..4].Should().Equal(status == ChannelCloseStatus.GoingAway ? [0x88, 2, 0x03, 0xE9] : [0x88, stream.Written[1], 0x03, 0xEA]);
        }
    }

    [Fact]
    public async Task Close_ByTheServer_EndsTheConnectionAsSoonAsTheAnswerIsThere()
    {
        var stream = new ScriptedStream();
        var channel = stream.AsWebSocketMessageChannel(isServer: true, options: new WebSocketChannelOptions { CloseTimeout = TimeSpan.FromMinutes(5) });
        stream.Feed(Frames.Masked(true, 0x82, new byte[500]));
        await channel.CloseAsync(cancellationToken: Token);
        stream.IsDisposed.IsCompleted.Should().BeFalse();
        stream.Feed([.. Frames.Masked(true, 0x82, new byte[100]), .. Frames.Masked(true, 0x88, [0x03, 0xE8])]);
        await stream.IsDisposed.WaitAsync(Token);
    }

    [Fact]
    public async Task Close_ByTheClient_WaitsForTheServersEnd()
    {
        var stream = new ScriptedStream();
        var channel = stream.AsWebSocketMessageChannel(isServer: false, options: new WebSocketChannelOptions { CloseTimeout = TimeSpan.FromMinutes(5) });
        await channel.CloseAsync(cancellationToken: Token);
        stream.Feed(Frames.Masked(false, 0x88, [0x03, 0xE8]));
        await stream.WhenAllWasLookedAtAsync();
        stream.IsDisposed.IsCompleted.Should().BeFalse();
        stream.FeedEnd();
        await stream.IsDisposed.WaitAsync(Token);
    }

    [Fact]
    public async Task Close_PeersCloseComesBeforeItIsDone_IsThisSides()
    {
        var stream = new ScriptedStream();
        await using var channel = stream.AsWebSocketMessageChannel(isServer: false);
        stream.HoldWrites();
        var closing = channel.CloseAsync(ChannelCloseStatus.GoingAway, cancellationToken: Token).AsTask();
        await stream.WhenWritesBegunAsync(1);
        stream.Feed(Frames.Masked(false, 0x88, [0x03, 0xE8]));
        await stream.WhenAllWasLookedAtAsync();
        stream.LetWritesGo();
        await closing;
        (await channel.Closed).Should().Match<ChannelCloseInfo>(static info => info.Status == ChannelCloseStatus.GoingAway && !info.IsRemote);
        stream.FeedEnd();
    }

    // So that the channels' ends need not wait for this test's.
    private static void Close(ScriptedStream stream) => stream.Feed(Frames.Masked(true, 0x88, [0x03, 0xE8]));

    // Another channel's watch has answered: the one before it has had its turn.
    private static async Task WatchHasComeByAsync()
    {
        for (var i = 0; i < 2; i++)
        {
            var stream = new ScriptedStream();
            await using var channel = stream.AsWebSocketMessageChannel(isServer: true);
            stream.Feed(Frames.Masked(true, 0x89, []));
            await stream.WhenWrittenAsync(2);
            Close(stream);
        }
    }
}
