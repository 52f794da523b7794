using System.Net;
using System.Threading.Channels;

namespace Transports.Tests;

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
        await using var application = await EventApplication.StartAsync(async (channel, stopping) =>
        {
            while (await channel.ReceiveAsync(stopping) is { } message)
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
            async (channel, stopping) =>
            {
                while (await channel.ReceiveAsync(stopping) is { } message)
                {
                    received.Add(message.GetText());
                    await told.Task;
                }

                ended.SetResult();
            },
            new AspNetCoreTransportOptions { SseSessionTimeout = TimeSpan.FromMilliseconds(1) });
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
        await using var application = await EventApplication.StartAsync(async (channel, stopping) =>
        {
            await channel.SendAsync(Message.FromText("news"), stopping);
            ended.SetResult(await channel.Closed.WaitAsync(stopping));
        });
        using var stream = await application.OpenAsync();
        (await application.DeleteAsync(EventApplication.SessionOf(stream), "GoingAway")).Should().Be(HttpStatusCode.NoContent);
        var info = await ended.Task.WaitAsync(Token);
        info.Status.Should().Be(ChannelCloseStatus.GoingAway);
        info.IsRemote.Should().BeTrue();
        (await stream.Content.ReadAsStringAsync(Token)).Should().Contain("data: news").And.EndWith("event: close\ndata: Normal\n\n");
    }

    [Fact]
    public async Task Read_OneWay_WaitsForTheClientToLeave()
    {
        var connection = new SseServerConnection(new AspNetCoreTransportOptions(), new SseFraming(System.Buffers.ArrayPool<byte>.Shared), "x.", isDuplex: false);
        var reading = connection.ReadAsync(new byte[16]).AsTask();
        reading.IsCompleted.Should().BeFalse();
        var info = new ChannelCloseInfo(ChannelCloseStatus.Normal, IsRemote: true, "bye");
        await connection.Input.EndAsync(info);
        (await reading.WaitAsync(Token)).Should().Be(0);
        connection.DescribeEnd().Should().Be(info);
        await connection.DisposeAsync();
    }

    [Fact]
    public async Task Close_LastPostLargerThanTheServersBuffer_IsClean()
    {
        var handled = new SemaphoreSlim(0);
        await using var application = await EventApplication.StartAsync(async (channel, stopping) =>
        {
            while (await channel.ReceiveAsync(stopping) is not null)
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
            async (channel, stopping) =>
            {
                await channel.SendAsync(new byte[48 * 1024 * 1024], stopping);
                var flushing = channel.FlushAsync(stopping);
                stalled.SetResult();
                await flushing;
            },
            new AspNetCoreTransportOptions { TimeProvider = new StandingClock(), MaxMessageSize = 64 * 1024 * 1024 });
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
            async (channel, stopping) =>
            {
                reliable.SetResult(channel.Characteristics.IsReliable);
                ended.SetResult(await channel.Closed.WaitAsync(stopping));
            },
            new AspNetCoreTransportOptions { SseReplayBufferSize = 0 });
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
        await using var application = await EventApplication.StartAsync(async (channel, stopping) =>
        {
            await foreach (var text in texts.Reader.ReadAllAsync(stopping))
            {
                await channel.SendAsync(Message.FromText(text), stopping);
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
        await using var application = await EventApplication.StartAsync(async (channel, stopping) =>
        {
            await channel.SendAsync(Message.FromText("one"), stopping);
            await channel.SendAsync(Message.FromText("two"), stopping);
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
            async (channel, stopping) => await channel.SendAsync(Message.FromText("short"), stopping),
            new AspNetCoreTransportOptions { SseMaxSessions = 2 });
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
        await using var application = await EventApplication.StartAsync(async (channel, stopping) =>
        {
            while (await channel.ReceiveAsync(stopping) is { } message)
            {
                await channel.SendAsync(Message.FromText($"{message.Kind} {message.Length}"), stopping);
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
