using System.Net;
using System.Text;

namespace Transports.AspNetCore.Tests;

/// <summary>What may be posted, and how it is answered.</summary>
public sealed class SsePostTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public static TheoryData<string, byte[], HttpStatusCode> Bodies() => new()
    {
        { "text/plain; charset=utf-8", "café"u8.ToArray(), HttpStatusCode.NoContent },
        { "text/plain; charset=\"UTF-8\"", "café"u8.ToArray(), HttpStatusCode.NoContent },
        { "text/plain; charset=us-ascii", "cafe"u8.ToArray(), HttpStatusCode.NoContent },
        { "text/plain; charset=iso-8859-1", [0x63, 0x61, 0x66, 0xE9], HttpStatusCode.UnsupportedMediaType },
        { "text/plain; charset=utf-16", [0x68, 0, 0x69, 0], HttpStatusCode.UnsupportedMediaType },
        { "text/plain", [0x63, 0x61, 0x66, 0xE9], HttpStatusCode.BadRequest },
        { "text/event-stream", [.. "data: caf"u8, 0xE9, .. "\n\n"u8], HttpStatusCode.BadRequest },
        { "text/event-stream; charset=iso-8859-1", "data: x\n\n"u8.ToArray(), HttpStatusCode.UnsupportedMediaType },
        { "application/octet-stream", [0xE9, 0xFF], HttpStatusCode.NoContent },
        { "text/event-stream", "data: x\r\n\r\n"u8.ToArray(), HttpStatusCode.NoContent },
        { "text/event-stream", "data: x\r\r"u8.ToArray(), HttpStatusCode.NoContent },
        { "text/event-stream", "data: x\r\n\n"u8.ToArray(), HttpStatusCode.NoContent },
        { "text/event-stream", "data: x\n\r"u8.ToArray(), HttpStatusCode.NoContent },
        { "text/event-stream", "\r\n"u8.ToArray(), HttpStatusCode.NoContent },
        { "text/event-stream", "data: x\r\n"u8.ToArray(), HttpStatusCode.BadRequest },
        { "text/event-stream", "data: x\n"u8.ToArray(), HttpStatusCode.BadRequest },
        { "text/event-stream", "data: x"u8.ToArray(), HttpStatusCode.BadRequest },
        { "application/json", "{}"u8.ToArray(), HttpStatusCode.UnsupportedMediaType },
        { "", "x"u8.ToArray(), HttpStatusCode.UnsupportedMediaType },
    };

    [Theory]
    [MemberData(nameof(Bodies))]
    public async Task Post_Body_IsTakenOnlyIfItMeansWhatItSays(string type, byte[] body, HttpStatusCode expected)
    {
        await using var application = await EventApplication.StartAsync(static (channel, stoppingToken) => channel.Closed.WaitAsync(stoppingToken));
        using var stream = await application.OpenAsync(application.DuplexAddress);
        using var response = await application.PostAsync(EventApplication.SessionOf(stream), type, body);
        response.StatusCode.Should().Be(expected);
    }

    [Fact]
    public async Task Post_EventsInEveryLineEnd_AreReceivedAsTheyAre()
    {
        var received = new List<string>();
        var done = new TaskCompletionSource();
        await using var application = await EventApplication.StartAsync(async (channel, stoppingToken) =>
        {
            while (await channel.ReceiveAsync(stoppingToken) is { } message)
            {
                received.Add(message.GetText());
            }

            done.SetResult();
        });
        using var stream = await application.OpenAsync(application.DuplexAddress);
        var session = EventApplication.SessionOf(stream);
        foreach (var events in new[] { "data: a\r\n\r\n", "data: b\r\r", "\uFEFFdata: c\n\n", "\ndata: d\r\n\r\ndata: e\r\n\r\n", "data: f\n\n" })
        {
            using var response = await application.PostAsync(session, "text/event-stream", events);
            response.StatusCode.Should().Be(HttpStatusCode.NoContent);
        }

        await application.DeleteAsync(session);
        await done.Task.WaitAsync(Token);
        received.Should().Equal("a", "b", "c", "d", "e", "f");
    }

    [Fact]
    public async Task Post_Compressed_IsRefused()
    {
        await using var application = await EventApplication.StartAsync(static (channel, stoppingToken) => channel.Closed.WaitAsync(stoppingToken));
        using var stream = await application.OpenAsync(application.DuplexAddress);
        using var response = await application.PostAsync(EventApplication.SessionOf(stream), "text/plain", "x", ("Content-Encoding", "gzip"));
        response.StatusCode.Should().Be(HttpStatusCode.UnsupportedMediaType);
    }

    [Theory]
    [InlineData("one")]
    [InlineData("-1")]
    [InlineData("0")]
    [InlineData("99999999999999999999")]
    public async Task Post_SequenceThatIsNoNumber_IsRefused(string sequence)
    {
        await using var application = await EventApplication.StartAsync(static (channel, stoppingToken) => channel.Closed.WaitAsync(stoppingToken));
        using var stream = await application.OpenAsync(application.DuplexAddress);
        using var response = await application.PostAsync(EventApplication.SessionOf(stream), "text/plain", "x", ("Transports-Sequence", sequence));
        response.StatusCode.Should().Be(HttpStatusCode.BadRequest);
    }

    [Fact]
    public async Task Post_NoRoomForMore_IsToldWithinTheTimeTheClientWaits()
    {
        var go = new TaskCompletionSource();
        var received = new TaskCompletionSource<(long Length, string Next)>();
        await using var application = await EventApplication.StartAsync(
            async (channel, stoppingToken) =>
            {
                await go.Task;
                var length = (await channel.ReceiveAsync(stoppingToken))!.Value.Length;
                received.SetResult((length, (await channel.ReceiveAsync(stoppingToken))!.Value.GetText()));
            },
            new MessageChannelEndpointOptions { ReceiveBufferSize = 1024 });
        using var stream = await application.OpenAsync(application.DuplexAddress);
        var session = EventApplication.SessionOf(stream);
        for (var asked = 0; asked < 2; asked++)
        {
            using var full = await application.PostAsync(session, "text/plain", asked == 0 ? new string('x', 5000) : "", ("Transports-Sequence", "1"), ("Prefer", "respond-async, wait=0"));
            full.StatusCode.Should().Be(HttpStatusCode.Accepted);
            full.Headers.GetValues("Transports-Sequence").Should().Equal("1");
        }

        go.SetResult();
        using var room = await application.PostAsync(session, "text/plain", "", ("Transports-Sequence", "1"));
        room.StatusCode.Should().Be(HttpStatusCode.NoContent);
        using var next = await application.PostAsync(session, "text/plain", "next", ("Transports-Sequence", "2"));
        (await received.Task.WaitAsync(Token)).Should().Be((5000, "next"));
    }

    [Theory]
    [InlineData("text/event-stream", HttpStatusCode.OK)]
    [InlineData("*/*", HttpStatusCode.OK)]
    [InlineData("text/*", HttpStatusCode.OK)]
    [InlineData("application/json;q=0.5, text/event-stream;q=0.1", HttpStatusCode.OK)]
    [InlineData("text/event-stream;q=0", HttpStatusCode.NotAcceptable)]
    [InlineData("text/event-stream;q=0, */*", HttpStatusCode.NotAcceptable)]
    [InlineData("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", HttpStatusCode.NotAcceptable)]
    [InlineData("image/avif,image/webp,image/*,*/*;q=0.8", HttpStatusCode.NotAcceptable)]
    [InlineData("application/json", HttpStatusCode.NotAcceptable)]
    public async Task Get_Accept_DecidesWhetherAStreamIsMeant(string accept, HttpStatusCode expected)
    {
        await using var application = await EventApplication.StartAsync(static (channel, stoppingToken) => channel.Closed.WaitAsync(stoppingToken));
        using var response = await application.OpenAsync(("Accept", accept));
        response.StatusCode.Should().Be(expected);
    }
}
