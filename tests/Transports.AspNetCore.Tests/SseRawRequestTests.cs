using System.Collections.Concurrent;
using System.Net;
using System.Text;

namespace Transports.AspNetCore.Tests;

/// <summary>Requests that no HTTP library would send: each is refused or understood, alone, and its session goes on.</summary>
public sealed class SseRawRequestTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public static TheoryData<string, string, string> Requests() => new()
    {
        // Headers in lines, the body, the status.
        { "Content-Type: text/plain\r\nTransfer-Encoding: chunked", "zz\r\nno size\r\n0\r\n\r\n", "400" },
        { "Content-Type: text/plain\r\nTransfer-Encoding: chunked", "-1\r\nx\r\n0\r\n\r\n", "400" },
        { "Content-Type: text/plain\r\nTransfer-Encoding: chunked", "FFFFFFFFFFFFFFFFF\r\nx\r\n0\r\n\r\n", "400" },
        { "Content-Type: text/plain\r\nTransfer-Encoding: chunked", "1\r\nxmore than it said\r\n0\r\n\r\n", "400" },
        { "Content-Type: text/plain\r\nTransfer-Encoding: gzip", "x", "400" },
        { "Content-Type: text/plain\r\nContent-Length: -1", "x", "400" },
        { "Content-Type: text/plain\r\nContent-Length: 1\r\nContent-Length: 2", "xy", "400" },
        { "Content-Type: text/plain\r\nContent-Length: 9223372036854775807", "", "413" },
        { "Content-Type: text/event-stream\r\nContent-Length: 9223372036854775807", "", "413" },
        { "Content-Type: text/plain\r\nContent-Length: 1\r\nTransports-Sequence: 1\r\nTransports-Sequence: 1", "x", "400" },
        { "Content-Type: text/plain\r\nContent-Length: 1\r\nTransports-Sequence: 1, 2", "x", "400" },
        { "Content-Type: text/plain\r\nContent-Length: 1\r\nTransports-Sequence: +1", "x", "400" },
        { "Content-Type: text/plain\r\nContent-Length: 1\r\nTransports-Sequence: 9223372036854775807", "x", "409" },
        { "Content-Type: text/plain\r\nContent-Length: 1\r\nTransports-Session: another", "x", "404" },
        { "Content-Type: text/plain, text/plain\r\nContent-Length: 1", "x", "415" },
        { "Content-Type: text/plain;;;=\r\nContent-Length: 1", "x", "415" },
        { "Content-Type: text/plain\r\nContent-Encoding: identity, gzip\r\nContent-Length: 1", "x", "415" },
    };

    [Theory]
    [MemberData(nameof(Requests))]
    public async Task Post_NoLibraryWouldSend_IsRefusedAloneAndTheSessionGoesOn(string headers, string body, string status)
    {
        var received = new ConcurrentQueue<string>();
        await using var application = await StartAsync(received);
        using var stream = await application.OpenAsync(application.DuplexAddress);
        var session = EventApplication.SessionOf(stream);
        await using (var raw = await RawClient.ConnectAsync(application.Address))
        {
            (await PostAsync(raw, application, session, headers, body)).Should().StartWith($"HTTP/1.1 {status} ");
        }

        await EndAsync(application, stream, session);
        received.Should().Equal("honest");
    }

    [Theory]
    [InlineData("Prefer: wait=-1")]
    [InlineData("Prefer: wait=99999999999999999999")]
    [InlineData("Prefer: wait=2147483647")]
    [InlineData("Prefer: ,;=,wait,wait=")]
    [InlineData("Transports-Close: ")]
    [InlineData("Last-Event-ID: nonsense.99999999999999999999")]
    public async Task Post_HeaderWithoutMeaning_IsTakenAllTheSame(string header)
    {
        var received = new ConcurrentQueue<string>();
        await using var application = await StartAsync(received);
        using var stream = await application.OpenAsync(application.DuplexAddress);
        var session = EventApplication.SessionOf(stream);
        await using (var raw = await RawClient.ConnectAsync(application.Address))
        {
            (await PostAsync(raw, application, session, $"{header}\r\nContent-Type: text/plain\r\nContent-Length: 1", "x")).Should().StartWith("HTTP/1.1 204 ");
        }

        await EndAsync(application, stream, session);
        received.Should().Equal("x", "honest");
    }

    /// <summary>A client that is cut off inside a POST sends it again under its number.</summary>
    [Theory]
    [InlineData("Content-Length: 1000", "data: hal")]
    [InlineData("Transfer-Encoding: chunked", "9\r\ndata: hal\r\n")]
    [InlineData("Transfer-Encoding: chunked", "9\r\ndata: h")]
    public async Task Post_CutInsideItsBody_TakesNothingAndLetsTheNextOneIn(string length, string half)
    {
        var received = new ConcurrentQueue<string>();
        await using var application = await StartAsync(received);
        using var stream = await application.OpenAsync(application.DuplexAddress);
        var session = EventApplication.SessionOf(stream);
        await using (var raw = await RawClient.ConnectAsync(application.Address))
        {
            await raw.SendAsync(Encoding.ASCII.GetBytes(
                $"POST {application.DuplexAddress.PathAndQuery} HTTP/1.1\r\nHost: {application.Address.Authority}\r\nTransports-Session: {session}\r\nTransports-Sequence: 1\r\nContent-Type: text/event-stream\r\n{length}\r\n\r\n{half}"));
            raw.Reset();
        }

        using (var again = await application.PostAsync(session, "text/event-stream", "data: whole\n\n", ("Transports-Sequence", "1")))
        {
            again.StatusCode.Should().Be(HttpStatusCode.NoContent);
        }

        await EndAsync(application, stream, session);
        received.Should().Equal("whole", "honest");
    }

    /// <summary>A body in small chunks without end: it is read up to the limit, and no further.</summary>
    [Theory]
    [InlineData("text/plain")]
    [InlineData("text/event-stream")]
    public async Task Post_ChunksWithoutEnd_AreRefusedAtTheLimit(string type)
    {
        var received = new ConcurrentQueue<string>();
        await using var application = await StartAsync(received);
        using var stream = await application.OpenAsync(application.DuplexAddress);
        var session = EventApplication.SessionOf(stream);
        var chunk = $"4000\r\n{new string('x', 0x4000)}\r\n";
        await using (var raw = await RawClient.ConnectAsync(application.Address))
        {
            (await PostAsync(raw, application, session, $"Content-Type: {type}\r\nTransfer-Encoding: chunked", string.Concat(Enumerable.Repeat(chunk, 120))))
                .Should().StartWith("HTTP/1.1 413 ");
        }

        await EndAsync(application, stream, session);
        received.Should().Equal("honest");
    }

    [Theory]
    [InlineData("%zz%")]
    [InlineData("Normal %0d%0aX: y")]
    [InlineData("17")]
    [InlineData("NoSuchStatus really")]
    public async Task Delete_CloseWithoutMeaning_EndsTheSessionInOrder(string close)
    {
        var received = new ConcurrentQueue<string>();
        await using var application = await StartAsync(received);
        using var stream = await application.OpenAsync(application.DuplexAddress);
        var session = EventApplication.SessionOf(stream);
        (await application.DeleteAsync(session, close)).Should().Be(HttpStatusCode.NoContent);
        (await stream.Content.ReadAsStringAsync(Token)).Should().EndWith("event: close\ndata: Normal\n\n");
        received.Should().BeEmpty();
    }

    private static Task<EventApplication> StartAsync(ConcurrentQueue<string> received) => EventApplication.StartAsync(async (channel, stoppingToken) =>
    {
        while (await channel.ReceiveAsync(stoppingToken) is { } message)
        {
            received.Enqueue(message.GetText());
        }
    });

    private static Task<string> PostAsync(RawClient raw, EventApplication application, string session, string headers, string body)
    {
        var all = new List<KeyValuePair<string, string?>> { new("Host", application.Address.Authority), new("Transports-Session", session) };
        all.AddRange(headers.Split("\r\n").Select(static line => line.Split(": ", 2)).Select(static parts => new KeyValuePair<string, string?>(parts[0], parts[1])));
        return raw.RequestAsync("POST", application.DuplexAddress.PathAndQuery, all, body);
    }

    // The stream ends behind everything that was taken.
    private static async Task EndAsync(EventApplication application, HttpResponseMessage stream, string session)
    {
        using (var posted = await application.PostAsync(session, "text/plain", "honest"))
        {
            posted.StatusCode.Should().Be(HttpStatusCode.NoContent);
        }

        (await application.DeleteAsync(session)).Should().Be(HttpStatusCode.NoContent);
        (await stream.Content.ReadAsStringAsync(Token)).Should().EndWith("event: close\ndata: Normal\n\n");
    }
}
