namespace Transports.WebSockets.Tests;

/// <summary>Pings to a silent peer, by a clock that the test moves.</summary>
public sealed class WebSocketKeepAliveTests : IAsyncDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan AnswerTime = TimeSpan.FromSeconds(20);
    private static readonly byte[] Ping = [0x89, 0];

    private readonly ManualTimeProvider _time = new();
    private readonly ScriptedStream _stream = new();
    private IMessageChannel? _channel;
    private Task<Message?>? _receiving;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync()
    {
        _channel!.Abort();
        await ((Task)_receiving!).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _channel.DisposeAsync();
    }

    [Fact]
    public async Task Receive_PeerThatSaysNothing_IsAskedAndThenTimesOut()
    {
        await OpenAsync(AnswerTime);
        _time.Advance(Interval - TimeSpan.FromMilliseconds(1));
        _stream.Written.Should().BeEmpty();
        _time.Advance(TimeSpan.FromMilliseconds(1));
        await _stream.WhenWrittenAsync(2);
        _stream.Written.Should().Equal(Ping);
        _time.Advance(AnswerTime);
        var end = await _channel!.Closed.WaitAsync(Token);
        end.Status.Should().Be(ChannelCloseStatus.TimedOut);

        // This side gave up.
        end.IsRemote.Should().BeFalse();
        end.Description.Should().Contain("50 seconds").And.Contain("KeepAliveTimeout");
        await FluentActions.Awaiting(() => _receiving!).Should().ThrowAsync<MessageChannelClosedException>();
    }

    [Fact]
    public async Task Receive_PeerThatAnswers_IsAskedAgain()
    {
        await OpenAsync(AnswerTime);
        for (var i = 1; i <= 3; i++)
        {
            _time.Advance(Interval);
            await _stream.WhenWrittenAsync(2 * i);
            _stream.Feed(Frames.Masked(true, 0x8A, []));
            await _stream.WhenAllWasLookedAtAsync();
            _time.Advance(AnswerTime);
        }

        _channel!.Closed.IsCompleted.Should().BeFalse();
        _stream.Written.Should().Equal([.. Ping, .. Ping, .. Ping]);
    }

    [Fact]
    public async Task Receive_PingThatCannotLeave_DoesNotTimeOut()
    {
        await OpenAsync(AnswerTime);
        _stream.HoldWrites();
        await _channel!.SendAsync(new byte[1], Token);
        await _stream.WhenWritesBegunAsync(1);
        for (var i = 0; i < 10; i++)
        {
            _time.Advance(Interval);
        }

        _channel.Closed.IsCompleted.Should().BeFalse();
        _stream.LetWritesGo();
        await _stream.WhenWrittenAsync(5);

        // From here on the answer's time counts: seen at the next look, and then waited for.
        _time.Advance(AnswerTime);
        _channel.Closed.IsCompleted.Should().BeFalse();
        _time.Advance(AnswerTime);
        (await _channel.Closed.WaitAsync(Token)).Status.Should().Be(ChannelCloseStatus.TimedOut);
    }

    [Fact]
    public async Task Receive_NoTimeout_AsksForEver()
    {
        await OpenAsync(Timeout.InfiniteTimeSpan);
        for (var i = 1; i <= 5; i++)
        {
            _time.Advance(Interval);
            await _stream.WhenWrittenAsync(2 * i);
        }

        _channel!.Closed.IsCompleted.Should().BeFalse();
    }

    private async Task OpenAsync(TimeSpan timeout)
    {
        _channel = _stream.AsWebSocketMessageChannel(isServer: true, options: new WebSocketChannelOptions
        {
            KeepAliveInterval = Interval,
            SendTimeout = Timeout.InfiniteTimeSpan,
                KeepAliveTimeout = timeout,
            TimeProvider = _time,
        });
        _receiving = _channel.ReceiveAsync(Token).AsTask();
        await _stream.WhenAllWasLookedAtAsync();
    }
}
