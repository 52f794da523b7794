using System.Text;

namespace Transports.Sse.Tests;

/// <summary>When and how a broken stream is opened again (HTML standard, section 9.2.3), in a time of the test's own.</summary>
public sealed class SseReconnectTests : IAsyncLifetime
{
    // Far beyond every wait, so that moving to the next timer never means a limit on a try.
    private static readonly TimeSpan Long = TimeSpan.FromHours(2);

    private readonly ScriptedServer _server = new();
    private readonly StepClock _clock = new();
    private readonly SseTransportOptions _options;

    public SseReconnectTests()
    {
        _options = new SseTransportOptions
        {
            TimeProvider = _clock,
            ConnectTimeout = Long,
            IdleTimeout = Timeout.InfiniteTimeSpan,
            CloseTimeout = Long,
            ReconnectDelay = TimeSpan.FromSeconds(3),
            ReconnectTimeout = TimeSpan.FromSeconds(30),
        };
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync() => default;

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Theory]
    [InlineData("data: one\n\n", 3000)]
    [InlineData("", 3000)]
    [InlineData("retry: 7000\n\n", 7000)]
    [InlineData("retry: 0\n\n", 100)]
    [InlineData("retry: 20\ndata: one\n\n", 100)]
    public async Task Reconnect_StreamThatEndsAsSoonAsItIsOpened_WaitsEachTime(string events, int milliseconds)
    {
        await using var channel = await ConnectAsync(static get => get.AnswerEventsAsync(""), events);
        var receiving = ReceiveAllAsync(channel);
        for (var time = 1; time < 5; time++)
        {
            var get = await NextAsync();
            _clock.Elapsed.Should().Be(time * TimeSpan.FromMilliseconds(milliseconds));
            await get.AnswerEventsAsync(events);
        }

        channel.Abort();
        await receiving;
    }

    [Fact]
    public async Task Reconnect_StreamThatHasLasted_IsOpenedAgainAtOnce()
    {
        await using var channel = await ConnectAsync(async get =>
        {
            await get.BeginEventsAsync("id: 1\ndata: one\n\n");
            _opened = get;
        });
        (await channel.ReceiveAsync(Token))!.Value.GetText().Should().Be("one");
        var receiving = channel.ReceiveAsync(Token).AsTask();
        _clock.Advance(TimeSpan.FromSeconds(4));
        _opened!.Close();
        var again = await _server.NextAsync();
        again.Headers["Last-Event-ID"].Should().Be("1");
        again.Headers["Cache-Control"].Should().Be("no-cache");
        await again.BeginEventsAsync("data: two\n\n");
        (await receiving)!.Value.GetText().Should().Be("two");
    }

    [Theory]
    [InlineData("503 Busy", "Retry-After: 20\r\n", 20)]
    [InlineData("429 Slow down", "Retry-After: 20\r\n", 20)]
    [InlineData("503 Busy", "Retry-After: Thu, 01 Jan 1970 00:00:25 GMT\r\n", 22)]
    [InlineData("503 Busy", "", 3)]
    [InlineData("503 Busy", "Retry-After: 1\r\n", 3)]
    public async Task Reconnect_ServerThatRefusesForNow_GetsTheWaitItAsksFor(string status, string headers, int seconds)
    {
        await using var channel = await ConnectAsync(static get => get.AnswerEventsAsync(""));
        var receiving = ReceiveAllAsync(channel);
        var refused = await NextAsync();
        var before = _clock.Elapsed;
        await refused.AnswerAsync(status, headers);
        var again = await NextAsync();
        (_clock.Elapsed - before).Should().BeGreaterThanOrEqualTo(TimeSpan.FromSeconds(seconds));
        await again.BeginEventsAsync("data: back\n\n");
        channel.Abort();
        await receiving;
    }

    [Fact]
    public async Task Reconnect_WaitLongerThanReconnectTimeout_IsFollowedByATry()
    {
        await using var channel = await ConnectAsync(static get => get.AnswerEventsAsync("retry: 60000\n\n"));
        var receiving = channel.ReceiveAsync(Token).AsTask();
        var get = await NextAsync();
        _clock.Elapsed.Should().Be(TimeSpan.FromSeconds(60));
        await get.BeginEventsAsync("data: back\n\n");
        (await receiving)!.Value.GetText().Should().Be("back");
    }

    [Fact]
    public async Task Reconnect_FirstTryAfterALongStreamRefusedForLonger_IsFollowedByATryAfterTheWait()
    {
        await using var channel = await ConnectAsync(get =>
        {
            _opened = get;
            return get.BeginEventsAsync("data: one\n\n");
        });
        await channel.ReceiveAsync(Token);
        var receiving = channel.ReceiveAsync(Token).AsTask();
        _clock.Advance(TimeSpan.FromSeconds(10));
        _opened!.Close();
        await (await _server.NextAsync()).AnswerAsync("503 Busy", "Retry-After: 120\r\n");
        var get = await NextAsync();
        _clock.Elapsed.Should().BeGreaterThanOrEqualTo(TimeSpan.FromSeconds(130));
        await get.BeginEventsAsync("data: back\n\n");
        (await receiving)!.Value.GetText().Should().Be("back");
    }

    [Theory]
    [InlineData("retry: 9223372036854775807\n\n")]
    [InlineData("retry: 999999999999999999999999999\n\n")]
    public async Task Reconnect_WaitLongerThanIsAllowed_EndsAtOnce(string events)
    {
        await using var channel = await ConnectAsync(get => get.AnswerEventsAsync(events));
        var lost = (await FluentActions.Awaiting(async () => await channel.ReceiveAsync(Token)).Should().ThrowAsync<MessageChannelClosedException>()).Which;
        lost.Message.Should().Contain("MaxRequestedDelay");
        lost.CloseInfo.Status.Should().Be(ChannelCloseStatus.ConnectionLost);
    }

    [Fact]
    public async Task Reconnect_ServerThatStaysAway_EndsAfterReconnectTimeoutWithWhatItSaid()
    {
        await using var channel = await ConnectAsync(static get => get.AnswerEventsAsync(""));
        var receiving = channel.ReceiveAsync(Token).AsTask();
        var tries = 0;
        while (true)
        {
            var next = _server.NextAsync();
            await _clock.AdvanceUntilAsync(Task.WhenAny(next, receiving), Long / 2);
            if (receiving.IsCompleted)
            {
                break;
            }

            tries++;
            await (await next).AnswerAsync("503 Busy");
        }

        var lost = (await FluentActions.Awaiting(() => receiving).Should().ThrowAsync<MessageChannelClosedException>()).Which;
        lost.Message.Should().Contain("ReconnectTimeout").And.Contain("503");
        tries.Should().BeInRange(2, 10);
        _clock.Elapsed.Should().BeLessThan(TimeSpan.FromSeconds(60));
    }

    [Fact]
    public async Task Reconnect_TryThatIsNotAnswered_IsGivenUpAfterConnectTimeout()
    {
        _options.ConnectTimeout = TimeSpan.FromSeconds(5);
        _options.ReconnectDelay = TimeSpan.FromMilliseconds(100);
        _options.MaxReconnectDelay = TimeSpan.FromMilliseconds(200);
        await using var channel = await ConnectAsync(static get => get.AnswerEventsAsync(""));
        var receiving = channel.ReceiveAsync(Token).AsTask();
        await NextAsync(TimeSpan.FromSeconds(1));
        _clock.Advance(TimeSpan.FromSeconds(5));
        var again = await NextAsync(TimeSpan.FromSeconds(1));
        _clock.Elapsed.Should().BeLessThan(TimeSpan.FromSeconds(7));
        await again.BeginEventsAsync("data: back\n\n");
        (await receiving)!.Value.GetText().Should().Be("back");
    }

    [Theory]
    [InlineData("Content-Type: text/html\r\n")]
    [InlineData("Content-Type: application/json\r\n")]
    [InlineData("")]
    public async Task Reconnect_AnswerThatIsNoEventStream_EndsAndIsNotRead(string type)
    {
        await using var channel = await ConnectAsync(static get => get.AnswerEventsAsync("data: good\n\n"));
        (await channel.ReceiveAsync(Token))!.Value.GetText().Should().Be("good");
        var receiving = channel.ReceiveAsync(Token).AsTask();
        await (await NextAsync()).AnswerAsync("200 OK", type, "<html>\ndata: not yours\n\n</html>\n");
        var lost = (await FluentActions.Awaiting(() => receiving).Should().ThrowAsync<MessageChannelClosedException>()).Which;
        lost.InnerException.Should().BeOfType<TransportRefusedException>().Which.StatusCode.Should().Be(200);
    }

    [Theory]
    [InlineData("")]
    [InlineData("Transports-Session: other\r\n")]
    public async Task Reconnect_AnotherSession_Ends(string headers)
    {
        await using var channel = await ConnectAsync(static get => get.AnswerEventsAsync("", "Transports-Session: mine\r\n"));
        var receiving = channel.ReceiveAsync(Token).AsTask();
        var again = await NextAsync();
        again.Headers["Transports-Session"].Should().Be("mine");
        await again.AnswerEventsAsync("data: another's\n\n", headers);
        await FluentActions.Awaiting(() => receiving).Should().ThrowAsync<MessageChannelClosedException>().WithMessage("*another session*");
    }

    [Fact]
    public async Task Reconnect_Refused_TellsStatusAndDetails()
    {
        await using var channel = await ConnectAsync(static get => get.AnswerEventsAsync(""));
        var receiving = channel.ReceiveAsync(Token).AsTask();
        await (await NextAsync()).AnswerAsync("404 Not Found", "Content-Type: application/problem+json\r\n", """{"detail":"The session is over."}""");
        var refused = (await FluentActions.Awaiting(() => receiving).Should().ThrowAsync<MessageChannelClosedException>()).Which.InnerException.Should().BeOfType<TransportRefusedException>().Which;
        refused.StatusCode.Should().Be(404);
        refused.Details.Should().Be("The session is over.");
        refused.Message.Should().Contain("messages may be lost");
    }

    [Fact]
    public async Task Reconnect_NoContent_IsTheServersEnd()
    {
        await using var channel = await ConnectAsync(static get => get.AnswerEventsAsync(""));
        var receiving = channel.ReceiveAsync(Token).AsTask();
        await (await NextAsync()).AnswerAsync("204 No Content");
        (await receiving).Should().BeNull();
        var info = await channel.Closed;
        info.Status.Should().Be(ChannelCloseStatus.Normal);
        info.IsRemote.Should().BeTrue();
    }

    [Fact]
    public async Task ReconnectTurnedOff_WholeResponse_IsTheServersEnd()
    {
        _options.ReconnectTimeout = TimeSpan.Zero;
        await using var channel = await ConnectAsync(static get => get.AnswerAsync("200 OK", "Content-Type: text/event-stream\r\n", "data: all\n\ndata: unfinished"));
        (await channel.ReceiveAsync(Token))!.Value.GetText().Should().Be("all");
        (await channel.ReceiveAsync(Token)).Should().BeNull();
        (await channel.Closed).Status.Should().Be(ChannelCloseStatus.Normal);
    }

    [Fact]
    public async Task ReconnectTurnedOff_ResponseCutShort_IsConnectionLost()
    {
        _options.ReconnectTimeout = TimeSpan.Zero;
        await using var channel = await ConnectAsync(static async get =>
        {
            await get.BeginEventsAsync("data: one\n\n", "Content-Length: 1000\r\n");
            get.Close();
        });
        (await channel.ReceiveAsync(Token))!.Value.GetText().Should().Be("one");
        await FluentActions.Awaiting(async () => await channel.ReceiveAsync(Token)).Should().ThrowAsync<MessageChannelClosedException>();
        (await channel.Closed).Status.Should().Be(ChannelCloseStatus.ConnectionLost);
    }

    [Theory]
    [InlineData("café")]
    [InlineData("naïve-日本")]
    [InlineData("\u2028")]
    public async Task Reconnect_IdBeyondAscii_IsNamedInUtf8(string id)
    {
        await using var channel = await ConnectAsync(get => get.AnswerEventsAsync($"id: {id}\ndata: one\n\n"));
        var receiving = ReceiveAllAsync(channel);
        var again = await NextAsync();
        Encoding.UTF8.GetString(Encoding.Latin1.GetBytes(again.Headers["Last-Event-ID"])).Should().Be(id);
        channel.Abort();
        await receiving;
    }

    [Fact]
    public async Task Reconnect_RequestThatCannotBeWritten_IsNotTriedAgain()
    {
        var requests = 0;
        _options.ConfigureRequest = request =>
        {
            if (++requests > 1)
            {
                request.Headers.TryAddWithoutValidation("X-Name", "é");
            }
        };
        await using var channel = await ConnectAsync(get =>
        {
            _opened = get;
            return get.BeginEventsAsync("data: one\n\n");
        });
        await channel.ReceiveAsync(Token);
        _clock.Advance(TimeSpan.FromSeconds(10));
        _opened!.Close();

        // The clock stands still: a second try would never come.
        await FluentActions.Awaiting(async () => await channel.ReceiveAsync(Token)).Should().ThrowAsync<MessageChannelClosedException>().WithMessage("*ASCII*");
        requests.Should().Be(2);
    }

    [Fact]
    public async Task Reconnect_EventsThatNobodyHasReceivedYet_AreNotAskedForAgain()
    {
        await using var channel = await ConnectAsync(get =>
        {
            _opened = get;
            return get.BeginEventsAsync("id: 1\ndata: one\n\nid: 2\ndata: two\n\nid: 3\ndata: cut");
        });
        _clock.Advance(TimeSpan.FromSeconds(4));
        _opened!.Close();

        // Nobody receives: the channel reads by itself.
        var again = await _server.NextAsync();
        again.Headers["Last-Event-ID"].Should().Be("2");
        await again.BeginEventsAsync("id: 3\ndata: three\n\n");
        foreach (var expected in new[] { "one", "two", "three" })
        {
            (await channel.ReceiveAsync(Token))!.Value.GetText().Should().Be(expected);
        }

        channel.GetFeature<ISseFeature>()!.LastEventId.Should().Be("3");
        channel.Abort();
    }

    [Fact]
    public async Task Reconnect_NobodyReceives_StillSeesTheServerClose()
    {
        const string Session = "Transports-Session: mine\r\n";
        await using var channel = await ConnectAsync(get =>
        {
            _opened = get;
            return get.BeginEventsAsync("", Session);
        });
        _clock.Advance(TimeSpan.FromSeconds(4));
        _opened!.Close();
        await (await _server.NextAsync()).BeginEventsAsync("event: close\ndata: GoingAway\n\n", Session);
        var info = await channel.Closed.WaitAsync(Token);
        info.Status.Should().Be(ChannelCloseStatus.GoingAway);
        info.IsRemote.Should().BeTrue();
    }

    [Fact]
    public async Task Receive_StreamThatEndsBehindTheServersClose_IsTheEndAndAsksForNothing()
    {
        await using var channel = await ConnectAsync(static get => get.AnswerEventsAsync("data: one\n\nevent: close\ndata: Normal bye\n\ndata: late\n\n", "Transports-Session: mine\r\n"));
        (await channel.ReceiveAsync(Token))!.Value.GetText().Should().Be("one");
        (await channel.ReceiveAsync(Token)).Should().BeNull();
        (await channel.Closed).Description.Should().Be("bye");
        await channel.DisposeAsync();
        _server.HasMore.Should().BeFalse();
    }

    private ScriptedRequest? _opened;

    private async Task<IMessageChannel> ConnectAsync(Func<ScriptedRequest, Task> answer, string? events = null)
    {
        var transport = new SseTransport(_options);
        var connecting = transport.ConnectAsync(_server.Address, Token).AsTask();
        var get = await _server.NextAsync();
        await (events is null ? answer(get) : get.AnswerEventsAsync(events));
        return await connecting;
    }

    private Task<ScriptedRequest> NextAsync(TimeSpan? within = null) => _clock.AdvanceUntilAsync(_server.NextAsync(), within ?? Long / 2);

    private static async Task ReceiveAllAsync(IMessageChannel channel)
    {
        try
        {
            while (await channel.ReceiveAsync(Token) is not null)
            {
            }
        }
        catch (MessageChannelClosedException)
        {
        }
    }
}
