using System.Net;
using System.Threading.Channels;

namespace Transports.AspNetCore.Tests;

/// <summary>How a session ends, and how its client comes back to it.</summary>
public sealed class SseSessionTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(null, ChannelCloseStatus.Normal)]
    [InlineData("Normal", ChannelCloseStatus.Normal)]
    [InlineData("GoingAway lunch", ChannelCloseStatus.GoingAway)]
    public async Task Delete_HandlerIsBusy_ReceivesEverythingThatWasTakenAndThenNull(string? close, ChannelCloseStatus status)
    {
        var told = new TaskCompletionSource();
        var received = new List<string>();
        var ended = new TaskCompletionSource<ChannelCloseInfo>();
        await using var application = await EventApplication.StartAsync(async (channel, stoppingToken) =>
        {
            while (await channel.ReceiveAsync(stoppingToken) is { } message)
            {
                received.Add(message.GetText());
                await told.Task;
            }

            ended.SetResult(await channel.Closed);
        });
        using var stream = await application.OpenAsync(application.DuplexAddress);
        var session = EventApplication.SessionOf(stream);
        foreach (var text in new[] { "one", "two", "three" })
        {
            using var posted = await application.PostAsync(session, "text/plain", text);
            posted.StatusCode.Should().Be(HttpStatusCode.NoContent);
        }

        (await application.DeleteAsync(session, close)).Should().Be(HttpStatusCode.NoContent);
        told.SetResult();
        var info = await ended.Task.WaitAsync(Token);
        received.Should().Equal("one", "two", "three");
        info.Status.Should().Be(status);
        info.IsRemote.Should().BeTrue();

        // The stream ends in order too.
        (await stream.Content.ReadAsStringAsync(Token)).Should().EndWith("event: close\ndata: Normal\n\n");
        using var late = await application.PostAsync(session, "text/plain", "late");
        late.StatusCode.Should().Be(HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task Delete_ClientHasGoneMeanwhile_HandlerStillReceivesEverything()
    {
        var told = new TaskCompletionSource();
        var received = new List<string>();
        var ended = new TaskCompletionSource();
        await using var application = await EventApplication.StartAsync(
            async (channel, stoppingToken) =>
            {
                while (await channel.ReceiveAsync(stoppingToken) is { } message)
                {
                    received.Add(message.GetText());
                    await told.Task;
                }

                ended.SetResult();
            },
            new MessageChannelEndpointOptions { Sse = { SessionTimeout = TimeSpan.FromMilliseconds(1) } });
        using (var stream = await application.OpenAsync(application.DuplexAddress))
        {
            var session = EventApplication.SessionOf(stream);
            foreach (var text in new[] { "one", "two" })
            {
                (await application.PostAsync(session, "text/plain", text)).Dispose();
            }

            (await application.DeleteAsync(session)).Should().Be(HttpStatusCode.NoContent);
        }

        told.SetResult();
        await ended.Task.WaitAsync(Token);
        received.Should().Equal("one", "two");
    }

    [Fact]
    public async Task Delete_OneWay_EndsTheChannelInOrder()
    {
        var ended = new TaskCompletionSource<ChannelCloseInfo>();
        await using var application = await EventApplication.StartAsync(async (channel, stoppingToken) =>
        {
            await channel.SendAsync(Message.FromText("news"), stoppingToken);
            ended.SetResult(await channel.Closed.WaitAsync(stoppingToken));
        });
        using var stream = await application.OpenAsync();
        (await application.DeleteAsync(EventApplication.SessionOf(stream), "GoingAway")).Should().Be(HttpStatusCode.NoContent);
        var info = await ended.Task.WaitAsync(Token);
        info.Status.Should().Be(ChannelCloseStatus.GoingAway);
        info.IsRemote.Should().BeTrue();
        (await stream.Content.ReadAsStringAsync(Token)).Should().Contain("data: news").And.EndWith("event: close\ndata: Normal\n\n");
    }

    [Theory]
    [InlineData(null, ChannelCloseStatus.Normal)]
    [InlineData("GoingAway lunch", ChannelCloseStatus.GoingAway)]
    public async Task Receive_OneWayClientCloses_IsNull(string? close, ChannelCloseStatus status)
    {
        var receiving = new TaskCompletionSource();
        var ended = new TaskCompletionSource<(Message?, ChannelCloseInfo)>();
        await using var application = await EventApplication.StartAsync(async (channel, stoppingToken) =>
        {
            var waiting = channel.ReceiveAsync(stoppingToken);
            waiting.IsCompleted.Should().BeFalse();
            receiving.SetResult();
            ended.SetResult((await waiting, await channel.Closed));
        });
        using var stream = await application.OpenAsync();
        await receiving.Task.WaitAsync(Token);
        (await application.DeleteAsync(EventApplication.SessionOf(stream), close)).Should().Be(HttpStatusCode.NoContent);
        var (message, info) = await ended.Task.WaitAsync(Token);
        message.Should().BeNull();
        info.Status.Should().Be(status);
        info.IsRemote.Should().BeTrue();
        (await stream.Content.ReadAsStringAsync(Token)).Should().EndWith("event: close\ndata: Normal\n\n");
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    public async Task Receive_ClientGoesAwayAndDoesNotComeBack_IsConnectionLost(bool isDuplex, bool isAborted)
    {
        var ended = new TaskCompletionSource<Exception>();
        await using var application = await EventApplication.StartAsync(
            async (channel, stoppingToken) =>
            {
                try
                {
                    await channel.ReceiveAsync(stoppingToken);
                    ended.SetException(new InvalidOperationException("A clean end."));
                }
                catch (MessageChannelClosedException e)
                {
                    ended.SetResult(e);
                }
            },
            new MessageChannelEndpointOptions { Sse = { SessionTimeout = isAborted ? TimeSpan.FromHours(1) : TimeSpan.FromMilliseconds(1) } });
        using (var stream = await application.OpenAsync(isDuplex ? application.DuplexAddress : application.Address))
        {
            if (isAborted)
            {
                (await application.DeleteAsync(EventApplication.SessionOf(stream), "Aborted out%20of%20patience")).Should().Be(HttpStatusCode.NoContent);
            }
        }

        var closed = (await ended.Task.WaitAsync(Token)).Should().BeOfType<MessageChannelClosedException>().Which;
        closed.CloseInfo.Status.Should().Be(ChannelCloseStatus.ConnectionLost);
        closed.CloseInfo.IsRemote.Should().BeTrue();
        closed.Message.Should().Contain(isAborted ? "out of patience" : "Sse.SessionTimeout");
    }

    [Fact]
    public async Task Send_ClientGoesAwayAndDoesNotComeBack_Fails()
    {
        var ended = new TaskCompletionSource<ChannelCloseInfo>();
        await using var application = await EventApplication.StartAsync(
            async (channel, stoppingToken) =>
            {
                try
                {
                    while (true)
                    {
                        await channel.SendAsync(new byte[1000], stoppingToken);
                    }
                }
                catch (MessageChannelClosedException e)
                {
                    ended.SetResult(e.CloseInfo);
                }
            },
            new MessageChannelEndpointOptions { Sse = { SessionTimeout = TimeSpan.FromMilliseconds(1) } });
        (await application.OpenAsync()).Dispose();
        (await ended.Task.WaitAsync(Token)).Status.Should().Be(ChannelCloseStatus.ConnectionLost);
    }

    [Fact]
    public async Task Post_ClientThatSaysItLeavesAndDoesNotClose_EndsWithItsStream()
    {
        var received = new List<string>();
        var ended = new TaskCompletionSource<ChannelCloseInfo>();
        await using var application = await EventApplication.StartAsync(
            async (channel, stoppingToken) =>
            {
                try
                {
                    while (await channel.ReceiveAsync(stoppingToken) is { } message)
                    {
                        received.Add(message.GetText());
                    }
                }
                catch (MessageChannelClosedException)
                {
                }

                ended.SetResult(await channel.Closed);
            },
            new MessageChannelEndpointOptions { Sse = { SessionTimeout = TimeSpan.FromHours(1) } });
        using (var stream = await application.OpenAsync(application.DuplexAddress))
        {
            using var posted = await application.PostAsync(EventApplication.SessionOf(stream), "text/plain", "last", ("Transports-Close", "Normal"));
            posted.StatusCode.Should().Be(HttpStatusCode.NoContent);
        }

        (await ended.Task.WaitAsync(Token)).Status.Should().Be(ChannelCloseStatus.ConnectionLost);
        received.Should().Equal("last");
    }

    [Fact]
    public async Task Attach_EventLargerThanOneWrite_IsReplayedWhole()
    {
        var text = new string('x', 900_000);
        await using var application = await EventApplication.StartAsync(
            async (channel, stoppingToken) => await channel.SendAsync(Message.FromText(text), stoppingToken),
            new MessageChannelEndpointOptions { Sse = { ReplayBufferSize = 4 * 1024 * 1024 } });
        using var first = await application.OpenAsync();
        (await first.Content.ReadAsStringAsync(Token)).Should().Contain($"data: {text}\n\n").And.EndWith("event: close\ndata: Normal\n\n");
        using var again = await AttachAsync(application, $"{EventApplication.SessionOf(first)}.0");
        (await again.Content.ReadAsStringAsync(Token)).Should().Contain($".1\ndata: {text}\n\n").And.EndWith("event: close\ndata: Normal\n\n");
    }

    [Fact]
    public async Task SendEvent_Types_ArriveWithTheirMessage()
    {
        await using var application = await EventApplication.StartAsync(static async (channel, stoppingToken) =>
        {
            var events = channel.GetFeature<ISseFeature>()!;
            await events.SendEventAsync("price", "1", stoppingToken);
            await channel.SendAsync(Message.FromText("2"), stoppingToken);
            await events.SendEventAsync("price", "3\n4", stoppingToken);
            await FluentActions.Awaiting(async () => await events.SendEventAsync("price", new string('x', 2 * 1024 * 1024), stoppingToken)).Should().ThrowAsync<MessageTooLargeException>();
        });
        using var transport = new SseTransport();
        await using var channel = await transport.ConnectAsync(new Uri($"sse+{application.Address}"), Token);
        var received = new List<(string, string)>();
        while (await channel.ReceiveAsync(Token) is { } message)
        {
            received.Add((channel.GetFeature<ISseFeature>()!.EventType, message.GetText()));
        }

        received.Should().Equal(("price", "1"), ("message", "2"), ("price", "3\n4"));
    }

    [Fact]
    public async Task Close_LastPostLargerThanTheServersBuffer_IsClean()
    {
        var handled = new SemaphoreSlim(0);
        await using var application = await EventApplication.StartAsync(async (channel, stoppingToken) =>
        {
            while (await channel.ReceiveAsync(stoppingToken) is not null)
            {
            }

            handled.Release();
        });
        using var transport = new SseTransport();
        for (var round = 0; round < 30; round++)
        {
            await using var channel = await transport.ConnectAsync(new Uri($"sse+{application.DuplexAddress}"), Token);
            for (var message = 0; message < 4; message++)
            {
                await channel.SendAsync(new byte[60_000], Token);
            }

            await channel.CloseAsync(cancellationToken: Token);
            var info = await channel.Closed;
            info.Status.Should().Be(ChannelCloseStatus.Normal, info.ToString());
            await handled.WaitAsync(Token);
        }
    }

    [Fact]
    public async Task Attach_OldConnectionIsStuck_ComesAtOnce()
    {
        var stalled = new TaskCompletionSource();

        // A clock that stands: no time limit helps. A message larger than what the system holds: its write cannot end while nobody reads.
        await using var application = await EventApplication.StartAsync(
            async (channel, stoppingToken) =>
            {
                await channel.SendAsync(new byte[48 * 1024 * 1024], stoppingToken);
                var flushing = channel.FlushAsync(stoppingToken);
                stalled.SetResult();
                await flushing;
            },
            new MessageChannelEndpointOptions { TimeProvider = new StandingClock(), MaxMessageSize = 64 * 1024 * 1024 });
        using var stuck = await application.OpenAsync();
        await stalled.Task.WaitAsync(Token);
        var session = EventApplication.SessionOf(stuck);
        using var again = await application.OpenAsync(("Last-Event-ID", $"{session}.0")).WaitAsync(TimeSpan.FromMinutes(1), Token);
        again.StatusCode.Should().Be(HttpStatusCode.OK);
        (await again.Content.ReadAsStringAsync(Token)).Should().Contain($"id: {session}.1\nevent: binary\n").And.EndWith("event: close\ndata: Normal\n\n");
    }

    [Fact]
    public async Task Attach_WithoutReplayBuffer_IsRefusedAndEndsTheSession()
    {
        var ended = new TaskCompletionSource<ChannelCloseInfo>();
        var reliable = new TaskCompletionSource<bool>();
        await using var application = await EventApplication.StartAsync(
            async (channel, stoppingToken) =>
            {
                reliable.SetResult(channel.Characteristics.IsReliable);
                ended.SetResult(await channel.Closed.WaitAsync(stoppingToken));
            },
            new MessageChannelEndpointOptions { Sse = { ReplayBufferSize = 0 } });
        using var first = await application.OpenAsync();
        using var second = await application.OpenAsync(("Transports-Session", EventApplication.SessionOf(first)));
        second.StatusCode.Should().Be(HttpStatusCode.NotFound);
        (await reliable.Task).Should().BeFalse();
        (await ended.Task.WaitAsync(Token)).Status.Should().Be(ChannelCloseStatus.ConnectionLost);
    }

    [Fact]
    public async Task Attach_EventThatWasNeverSent_IsRefusedAlone()
    {
        var texts = Channel.CreateUnbounded<string>();
        await using var application = await EventApplication.StartAsync(async (channel, stoppingToken) =>
        {
            await foreach (var text in texts.Reader.ReadAllAsync(stoppingToken))
            {
                await channel.SendAsync(Message.FromText(text), stoppingToken);
            }
        });
        using var first = await application.OpenAsync();
        using var wrong = await application.OpenAsync(("Last-Event-ID", $"{EventApplication.SessionOf(first)}.7"));
        wrong.StatusCode.Should().Be(HttpStatusCode.NotFound);
        await texts.Writer.WriteAsync("still here", Token);
        texts.Writer.Complete();
        (await first.Content.ReadAsStringAsync(Token)).Should().Contain("data: still here");
    }

    [Fact]
    public async Task Attach_SessionHasEnded_ReplaysItsEndAndThenSaysToStop()
    {
        await using var application = await EventApplication.StartAsync(async (channel, stoppingToken) =>
        {
            await channel.SendAsync(Message.FromText("one"), stoppingToken);
            await channel.SendAsync(Message.FromText("two"), stoppingToken);
        });
        using var first = await application.OpenAsync();
        var all = await first.Content.ReadAsStringAsync(Token);
        all.Should().Contain("event: close");
        var session = EventApplication.SessionOf(first);
        using (var again = await AttachAsync(application, $"{session}.1"))
        {
            again.StatusCode.Should().Be(HttpStatusCode.OK);
            (await again.Content.ReadAsStringAsync(Token)).Should().Contain("data: two").And.NotContain("data: one").And.EndWith("event: close\ndata: Normal\n\n");
        }

        using var seen = await AttachAsync(application, $"{session}.3");
        seen.StatusCode.Should().Be(HttpStatusCode.NoContent);
        using var beyond = await AttachAsync(application, $"{session}.4");
        beyond.StatusCode.Should().Be(HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task Open_EndedSessionsFillTheRoute_TheyMakeRoom()
    {
        await using var application = await EventApplication.StartAsync(
            async (channel, stoppingToken) => await channel.SendAsync(Message.FromText("short"), stoppingToken),
            new MessageChannelEndpointOptions { Sse = { MaxSessions = 2 } });
        for (var round = 0; round < 6; round++)
        {
            // The session is over a moment after its response.
            HttpStatusCode status;
            do
            {
                using var stream = await application.OpenAsync();
                status = stream.StatusCode;
                await stream.Content.ReadAsStringAsync(Token);
            }
            while (status == HttpStatusCode.ServiceUnavailable);

            status.Should().Be(HttpStatusCode.OK);
        }
    }

    [Fact]
    public async Task Duplex_TextOfManyLines_Arrives()
    {
        await using var application = await EventApplication.StartAsync(async (channel, stoppingToken) =>
        {
            while (await channel.ReceiveAsync(stoppingToken) is { } message)
            {
                await channel.SendAsync(Message.FromText($"{message.Kind} {message.Length}"), stoppingToken);
            }
        });
        using var transport = new SseTransport();
        await using var channel = await transport.ConnectAsync(new Uri($"sse+{application.DuplexAddress}"), Token);
        foreach (var text in new[] { new string('\n', 300_000), string.Concat(Enumerable.Repeat("0123456789\n", 95_000)), new string('\n', 1024 * 1024) })
        {
            await channel.SendAsync(Message.FromText(text), Token);
            (await channel.ReceiveAsync(Token))!.Value.GetText().Should().Be($"Text {text.Length}");
        }
    }

    [Theory]
    [InlineData("sse+http://127.0.0.1/a", 80)]
    [InlineData("sse+https://127.0.0.1/a", 443)]
    [InlineData("ws://127.0.0.1/a", 80)]
    [InlineData("sse+http://127.0.0.1:0/a", 0)]
    [InlineData("sse+http://127.0.0.1:81/a", 81)]
    public void PortOf_Address_IsWhereClientsConnect(string address, int port) => KestrelListener.PortOf(new Uri(address)).Should().Be(port);

    // The session is over a moment after its response has ended.
    private static async Task<HttpResponseMessage> AttachAsync(EventApplication application, string id) => await application.OpenAsync(("Last-Event-ID", id));

    private sealed class StandingClock : TimeProvider
    {
        public override long GetTimestamp() => 0;

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
            => base.CreateTimer(callback, state, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }
}
