using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Transports.Interop.Tests;

/// <summary>What is on the wire, as curl shows it.</summary>
public sealed class SseCurlTests
{
    [Theory(Timeout = 60_000)]
    [InlineData("--http1.1", HttpProtocols.Http1, "HTTP/1.1 200 OK")]
    [InlineData("--http2-prior-knowledge", HttpProtocols.Http2, "HTTP/2 200")]
    public async Task EventStream_ReadByCurl_HasExactlyTheseHeadersAndLines(string version, HttpProtocols protocols, string status)
    {
        Peer.RequireFile("/usr/bin/curl", "curl", "curl");
        var told = new Told();
        await using var server = await WebServer.StartAsync(told.HandleAsync, protocols: protocols);

        await using var curl = Peer.StartProgram("/usr/bin/curl", "-sN", version, "-D", "-", "-H", "Accept: text/event-stream", server.Address("http").AbsoluteUri);

        (await curl.ReadLineAsync()).TrimEnd().Should().Be(status);
        var headers = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        while ((await curl.ReadLineAsync()).TrimEnd() is { Length: > 0 } line)
        {
            var colon = line.IndexOf(':', StringComparison.Ordinal);
            headers.Add(line[..colon], line[(colon + 1)..].Trim());
        }

        headers.Remove("Date").Should().BeTrue();
        headers.Remove("Transports-Session", out var session).Should().BeTrue();
        session.Should().MatchRegex("^[A-Za-z0-9_-]{22}$");
        var expected = new Dictionary<string, string>
        {
            ["Content-Type"] = "text/event-stream",
            ["Cache-Control"] = "no-cache, no-transform",
            ["X-Accel-Buffering"] = "no",
        };
        if (protocols == HttpProtocols.Http1)
        {
            expected["Connection"] = "keep-alive";
            expected["Transfer-Encoding"] = "chunked";
        }

        headers.ToDictionary(pair => pair.Key.ToLowerInvariant(), pair => pair.Value)
            .Should().Equal(expected.ToDictionary(pair => pair.Key.ToLowerInvariant(), pair => pair.Value));

        // Each is read before the next is sent: nothing holds events back.
        (await ReadEventAsync(curl)).Should().Be($"id: {session}.0|retry: 1000");
        told.Say("first");
        (await ReadEventAsync(curl)).Should().Be($"id: {session}.1|data: first");
        told.Say("two\nlines");
        (await ReadEventAsync(curl)).Should().Be($"id: {session}.2|data: two|data: lines");
        told.Do(static channel => channel.SendAsync(new byte[] { 0, 255 }));
        (await ReadEventAsync(curl)).Should().Be($"id: {session}.3|event: binary|data: AP8=");
        told.Do(static channel => channel.GetFeature<ISseFeature>()!.SendEventAsync("news", "named"));
        (await ReadEventAsync(curl)).Should().Be($"id: {session}.4|event: news|data: named");
        told.Finish();
        (await ReadEventAsync(curl)).Should().EndWith("event: close|data: Normal");
    }

    private static async Task<string> ReadEventAsync(Peer curl)
    {
        var lines = new List<string>();
        while (await curl.ReadLineAsync() is { Length: > 0 } line)
        {
            lines.Add(line);
        }

        return string.Join('|', lines);
    }
}
