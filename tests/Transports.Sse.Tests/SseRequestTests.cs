using System.Net;
using System.Text;
using System.Text.Json;

namespace Transports.Sse.Tests;

/// <summary>What a client asks for and takes for an answer, and where its messages go.</summary>
public sealed class SseRequestTests : IAsyncLifetime
{
    private const string Session = "Transports-Session: mine\r\n";

    private readonly ScriptedServer _server = new();
    private readonly StepClock _clock = new();
    private readonly SseTransportOptions _options;

    public SseRequestTests()
    {
        _options = new SseTransportOptions
        {
            TimeProvider = _clock,
            ConnectTimeout = TimeSpan.FromSeconds(5),
            IdleTimeout = Timeout.InfiniteTimeSpan,
            ReconnectDelay = TimeSpan.FromMilliseconds(100),
            MaxReconnectDelay = TimeSpan.FromMilliseconds(200),
        };
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public static TheoryData<string> HeaderCases() => [.. WebPlatformCases.All.Where(WebPlatformCases.IsAboutTheHeader).Select(static c => c.GetProperty("id").GetString()!)];

    public ValueTask InitializeAsync() => default;

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Theory]
    [MemberData(nameof(HeaderCases))]
    public async Task Connect_WebPlatformCaseOfTheContentType_OpensOrFails(string id)
    {
        var theCase = WebPlatformCases.All.Single(c => c.GetProperty("id").GetString() == id);
        using var transport = new SseTransport(_options);
        var connecting = transport.ConnectAsync(_server.Address, Token).AsTask();
        var get = await _server.NextAsync();
        await get.AnswerAsync("200 OK", $"Content-Type: {theCase.GetProperty("contentType").GetString()}\r\n", Encoding.UTF8.GetString(Convert.FromHexString(theCase.GetProperty("hex").GetString()!)));
        if (theCase.GetProperty("outcome").GetString() == "open")
        {
            await using var channel = await connecting;
            foreach (var expected in theCase.GetProperty("events").EnumerateArray())
            {
                (await channel.ReceiveAsync(Token))!.Value.GetText().Should().Be(expected.GetProperty("data").GetString());
            }

            channel.Abort();
        }
        else
        {
            await FluentActions.Awaiting(() => connecting).Should().ThrowAsync<TransportRefusedException>().WithMessage("*text/event-stream*");
        }
    }

    [Fact]
    public void HeaderCases_AreAllThere() => HeaderCases().Should().HaveCount(3);

    [Fact]
    public async Task Connect_Refused_TellsWhatTheAnswerSaid()
    {
        using var transport = new SseTransport(_options);
        var connecting = transport.ConnectAsync(_server.Address, Token).AsTask();
        await (await _server.NextAsync()).AnswerAsync("503 Busy", "Retry-After: 7\r\n");
        var refused = (await FluentActions.Awaiting(() => connecting).Should().ThrowAsync<TransportRefusedException>()).Which;
        refused.StatusCode.Should().Be(503);
        refused.RetryAfter.Should().Be(TimeSpan.FromSeconds(7));
    }

    [Theory]
    [InlineData("301 Moved")]
    [InlineData("302 Found")]
    [InlineData("303 See Other")]
    [InlineData("307 Temporary")]
    [InlineData("308 Permanent")]
    public async Task Connect_Redirected_FollowsAndTellsNoOtherServerTheCredentials(string status)
    {
        await using var other = new ScriptedServer();
        _options.ConfigureRequest = static request => request.Headers.TryAddWithoutValidation("Authorization", "Bearer secret");
        using var transport = new SseTransport(_options);
        var connecting = transport.ConnectAsync(_server.Address, Token).AsTask();
        var first = await _server.NextAsync();
        first.Headers.Should().ContainKey("Authorization");
        await first.AnswerAsync(status, "Location: /here\r\n");
        var second = await _server.NextAsync();
        second.Path.Should().Be("/here");
        second.Headers.Should().ContainKey("Authorization");
        await second.AnswerAsync(status, $"Location: http://{other.Authority}/there\r\n");
        var third = await other.NextAsync();
        third.Headers.Should().NotContainKey("Authorization");
        await third.BeginEventsAsync("data: there\n\n");
        await using var channel = await connecting;
        (await channel.ReceiveAsync(Token))!.Value.GetText().Should().Be("there");
        channel.Abort();
    }

    [Fact]
    public async Task Connect_RedirectedInCircles_EndsAndNamesWhere()
    {
        _options.ConfigureHandler = static handler => handler.MaxAutomaticRedirections = 2;
        using var transport = new SseTransport(_options);
        var connecting = transport.ConnectAsync(_server.Address, Token).AsTask();
        for (var redirects = 0; redirects <= 2; redirects++)
        {
            await (await _server.NextAsync()).AnswerAsync("307 Round", "Location: /round?secret\r\n");
        }

        var refused = (await FluentActions.Awaiting(() => connecting).Should().ThrowAsync<TransportRefusedException>()).Which;
        refused.Message.Should().Contain("/round").And.NotContain("secret");
        refused.Location!.PathAndQuery.Should().Be("/round?secret");
    }

    [Fact]
    public async Task Connect_LinkLocalAddress_KeepsItsZone()
    {
        Uri? asked = null;
        _options.ConfigureRequest = request =>
        {
            asked = request.RequestUri;
            throw new InvalidOperationException("far enough");
        };
        using var transport = new SseTransport(_options);
        await FluentActions.Awaiting(async () => await transport.ConnectAsync(new Uri("sse+http://[fe80::1%1]:81/a?b=c"), Token)).Should().ThrowAsync<InvalidOperationException>();
        asked!.DnsSafeHost.Should().Be("fe80::1%1");
        asked.Port.Should().Be(81);
        asked.PathAndQuery.Should().Be("/a?b=c");
    }

    [Theory]
    [InlineData("200 OK", "Content-Type: text/html\r\n")]
    [InlineData("201 Created", "Location: /elsewhere\r\n")]
    [InlineData("202 Accepted", "")]
    [InlineData("301 Moved", "Location: /elsewhere\r\n")]
    [InlineData("302 Found", "Location: /elsewhere\r\n")]
    [InlineData("303 See Other", "Location: /elsewhere\r\n")]
    [InlineData("400 Bad", "")]
    [InlineData("404 Gone", "")]
    public async Task Post_AnsweredOtherwiseThan204_IsNotTaken(string status, string headers)
    {
        await using var channel = await ConnectDuplexAsync();
        await channel.SendAsync(Message.FromText("one"), Token);
        await (await _server.NextAsync()).AnswerAsync(status, headers, "<html>");
        var refused = (await FluentActions.Awaiting(async () =>
        {
            await channel.FlushAsync(Token);
            await channel.ReceiveAsync(Token).AsTask().WaitAsync(TimeSpan.FromMinutes(1), Token);
        }).Should().ThrowAsync<MessageChannelClosedException>()).Which.InnerException.Should().BeOfType<TransportRefusedException>().Which;
        refused.StatusCode.Should().Be(int.Parse(status[..3], System.Globalization.CultureInfo.InvariantCulture));
        if (headers.Contains("elsewhere", StringComparison.Ordinal))
        {
            refused.Message.Should().Contain("/elsewhere");
        }

        // Nothing was asked for elsewhere. The close waits for what the stream may still say.
        _server.HasMore.Should().BeFalse();
        await PassCloseTimeoutUntilAsync(channel.DisposeAsync().AsTask());
    }

    [Theory]
    [InlineData("307 Temporary")]
    [InlineData("308 Permanent")]
    public async Task Post_RedirectedWithItsBody_GoesThere(string status)
    {
        await using var channel = await ConnectDuplexAsync();
        await channel.SendAsync(Message.FromText("one"), Token);
        await (await _server.NextAsync()).AnswerAsync(status, "Location: /there\r\n");
        var post = await _server.NextAsync();
        (post.Method, post.Path, post.Body).Should().Be(("POST", "/there", "data: one\n\n"));
        await post.AnswerAsync("204 Taken");
        await channel.FlushAsync(Token);
        channel.Abort();
    }

    [Fact]
    public async Task Post_NotAnswered_IsSentAgainUnderItsNumber()
    {
        await using var channel = await ConnectDuplexAsync();
        await channel.SendAsync(Message.FromText("one"), Token);
        var first = await _server.NextAsync();
        _clock.Advance(_options.ConnectTimeout);
        var second = await _clock.AdvanceUntilAsync(_server.NextAsync(), TimeSpan.FromSeconds(1));
        second.Headers["Transports-Sequence"].Should().Be(first.Headers["Transports-Sequence"]);
        second.Body.Should().Be(first.Body);
        await second.AnswerAsync("204 Taken");
        await channel.FlushAsync(Token);
        channel.Abort();
    }

    [Fact]
    public async Task Post_NeverAnswered_EndsTheChannel()
    {
        _options.ReconnectTimeout = TimeSpan.FromSeconds(12);
        await using var channel = await ConnectDuplexAsync();
        await channel.SendAsync(Message.FromText("one"), Token);
        var flushing = channel.FlushAsync(Token).AsTask();
        while (!flushing.IsCompleted)
        {
            var next = _server.NextAsync();
            await _clock.AdvanceUntilAsync(Task.WhenAny(next, flushing), TimeSpan.FromSeconds(1));
            _clock.Advance(_options.ConnectTimeout);
        }

        await FluentActions.Awaiting(() => flushing).Should().ThrowAsync<MessageChannelClosedException>().WithMessage("*ReconnectTimeout*");
        _clock.Elapsed.Should().BeLessThan(TimeSpan.FromSeconds(30));
    }

    [Fact]
    public async Task Post_RefusedForNow_WaitsAsTold()
    {
        _options.ConnectTimeout = TimeSpan.FromHours(1);
        await using var channel = await ConnectDuplexAsync();
        await channel.SendAsync(Message.FromText("one"), Token);
        await (await _server.NextAsync()).AnswerAsync("503 Busy", "Retry-After: 9\r\n");
        var again = await _clock.AdvanceUntilAsync(_server.NextAsync(), TimeSpan.FromSeconds(60));
        _clock.Elapsed.Should().BeGreaterThanOrEqualTo(TimeSpan.FromSeconds(9));
        await again.AnswerAsync("204 Taken");
        await channel.FlushAsync(Token);
        channel.Abort();
    }

    [Fact]
    public async Task Post_TakenWithoutRoomForMore_IsAskedForAgainWithoutTheMessagesForAsLongAsItTakes()
    {
        _options.ReconnectTimeout = TimeSpan.FromSeconds(1);
        await using var channel = await ConnectDuplexAsync();
        await channel.SendAsync(Message.FromText("one"), Token);
        var post = await _server.NextAsync();
        post.Headers["Prefer"].Should().Be("wait=2");
        for (var asked = 0; asked < 10; asked++)
        {
            _clock.Advance(TimeSpan.FromSeconds(2));
            await post.AnswerAsync("202 No room yet", "Transports-Sequence: 1\r\n");
            post = await _server.NextAsync();
            post.Headers["Transports-Sequence"].Should().Be("1");
            post.Body.Should().BeEmpty();
        }

        await post.AnswerAsync("204 Taken");
        await channel.FlushAsync(Token);
        channel.Abort();
    }

    [Fact]
    public async Task Post_TooLargeForTheServer_EndsAsThat()
    {
        await using var channel = await ConnectDuplexAsync();
        await channel.SendAsync(Message.FromText("one"), Token);
        await (await _server.NextAsync()).AnswerAsync("413 Too large");
        await FluentActions.Awaiting(async () => await channel.FlushAsync(Token)).Should().ThrowAsync<MessageChannelClosedException>();

        // The stream is read on for a while, in case it says more.
        channel.Closed.IsCompleted.Should().BeFalse();
        await PassCloseTimeoutUntilAsync(channel.Closed);
        (await channel.Closed).Status.Should().Be(ChannelCloseStatus.MessageTooLarge);
    }

    [Fact]
    public async Task Post_RefusedBecauseTheServerHasClosed_WhatItSaidBeforeIsReceived()
    {
        var connecting = new SseTransport(_options).ConnectAsync(_server.DuplexAddress, Token).AsTask();
        var stream = await _server.NextAsync();
        await stream.BeginEventsAsync("", Session);
        await using var channel = await connecting;
        await channel.SendAsync(Message.FromText("too late"), Token);
        await (await _server.NextAsync()).AnswerAsync("404 No such session");
        await FluentActions.Awaiting(async () => await channel.FlushAsync(Token)).Should().ThrowAsync<MessageChannelClosedException>();
        await stream.WriteAsync("data: one\n\nevent: close\ndata: GoingAway\n\n");
        stream.Close();
        (await channel.ReceiveAsync(Token))!.Value.GetText().Should().Be("one");
        (await channel.ReceiveAsync(Token)).Should().BeNull();
        (await channel.Closed).Status.Should().Be(ChannelCloseStatus.GoingAway);
    }

    [Fact]
    public void LengthOfPost_ManyEvents_CutsBetweenThem()
    {
        var one = "data: 0123456789\n\n"u8.ToArray();
        var events = Enumerable.Repeat(one, (SseWire.MaxPostSize / one.Length) + 10).SelectMany(static e => e).ToArray();
        var length = SseWire.LengthOfPost(events);
        length.Should().BeInRange(SseWire.MaxPostSize - one.Length, SseWire.MaxPostSize);
        (length % one.Length).Should().Be(0);
    }

    [Fact]
    public void LengthOfPost_OneLargeEvent_IsWhole()
    {
        byte[] events = [.. "data: "u8, .. new byte[2 * SseWire.MaxPostSize], .. "\n\ndata: next\n\n"u8];
        SseWire.LengthOfPost(events).Should().Be(events.Length - "data: next\n\n".Length);
    }

    [Theory]
    [InlineData("event: close\ndata: Normal\n\n", true)]
    [InlineData("data: x\n\nevent: close\ndata: Normal\n\n", true)]
    [InlineData("id: a.1\ndata: x\n\nid: a.2\nevent: close\ndata: Normal\n\n", true)]
    [InlineData("event: close\ndata: Normal\n\ndata: x\n\n", false)]
    [InlineData("data: event: close\n\n", false)]
    [InlineData("", false)]
    public void EndsWithClose_Events_TellsWhetherTheLastOneCloses(string events, bool expected)
        => SseWire.EndsWithClose(Encoding.UTF8.GetBytes(events)).Should().Be(expected);

    [Theory]
    [InlineData("1.1", true)]
    [InlineData("2.0", true)]
    [InlineData("3.0", true)]
    [InlineData("1.0", false)]
    public void Options_HttpVersion_IsOneThatStreams(string version, bool isValid)
    {
        var validating = FluentActions.Invoking(new SseTransportOptions { HttpVersion = new Version(version) }.Validate);
        if (isValid)
        {
            validating.Should().NotThrow();
        }
        else
        {
            validating.Should().Throw<ArgumentOutOfRangeException>();
        }
    }

    /// <summary>Again and again: the time begins to count where a tick finds the channel still, which happens in real time.</summary>
    private async Task PassCloseTimeoutUntilAsync(Task task)
    {
        while (!task.IsCompleted)
        {
            Token.ThrowIfCancellationRequested();
            _clock.Advance(_options.CloseTimeout);
            await Task.Yield();
        }

        await task;
    }

    private async Task<IMessageChannel> ConnectDuplexAsync()
    {
        var connecting = new SseTransport(_options).ConnectAsync(_server.DuplexAddress, Token).AsTask();
        await (await _server.NextAsync()).BeginEventsAsync("", Session);
        return await connecting;
    }
}
