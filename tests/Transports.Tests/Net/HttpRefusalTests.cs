using System.Net;
using System.Net.Http.Headers;
using System.Text;

namespace Transports.Tests;

public sealed class HttpRefusalTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Read_Problem_TellsItsDetail()
    {
        var refusal = await ReadAsync(HttpStatusCode.Forbidden, """{"title":"Refused.","detail":"This origin may not."}""", "application/problem+json");
        refusal.StatusCode.Should().Be(403);
        refusal.Details.Should().Be("This origin may not.");
        refusal.Message.Should().StartWith("It was refused with HTTP status 403 (Forbidden). It says: This origin may not.");
        refusal.Location.Should().BeNull();
        refusal.RetryAfter.Should().BeNull();
        refusal.Challenges.Should().BeEmpty();
    }

    [Theory]
    [InlineData("""{"title":"Only a title"}""", "application/problem+json", "Only a title")]
    [InlineData("""{"error":"own words"}""", "application/json; charset=utf-8", """{"error":"own words"}""")]
    [InlineData("""{"detail":"cut of""", "application/json", """{"detail":"cut of""")]
    [InlineData("[1]", "application/json", "[1]")]
    [InlineData("two\r\n  lines\u001b[31m", "text/plain", "two lines [31m")]
    [InlineData("no type", null, "no type")]
    [InlineData("", "text/plain", null)]
    [InlineData("\r\n", "text/plain", null)]
    [InlineData("PNG", "image/png", null)]
    public async Task Read_Body_IsToldWhenItIsText(string body, string? type, string? details)
        => (await ReadAsync(HttpStatusCode.BadRequest, body, type)).Details.Should().Be(details);

    [Fact]
    public async Task Read_LongText_IsCutBetweenCharacters()
    {
        // The cut would fall between the halves of a character.
        var refusal = await ReadAsync(HttpStatusCode.BadGateway, new string('x', 498) + "😀" + new string('y', 100_000), "text/plain");
        refusal.Details.Should().Be(new string('x', 498) + "…");
    }

    [Fact]
    public async Task Read_Page_IsDataButNotInTheMessage()
    {
        var refusal = await ReadAsync(HttpStatusCode.BadGateway, "<html>nginx</html>", "text/html");
        refusal.Details.Should().Be("<html>nginx</html>");
        refusal.Message.Should().NotContain("nginx");
    }

    [Theory]
    [InlineData("/ws/", "http://server.test/ws/")]
    [InlineData("//other.test/x", "http://other.test/x")]
    [InlineData("https://other.test/login?token=t0ken", "https://other.test/login?token=t0ken")]
    public async Task Read_Redirect_TellsWhereTo(string location, string expected)
    {
        var refusal = await ReadAsync(HttpStatusCode.TemporaryRedirect, "", null, response => response.Headers.TryAddWithoutValidation("Location", location));
        refusal.Location.Should().Be(new Uri(expected));
        refusal.Message.Should().Contain(expected.Split('?')[0]).And.NotContain("t0ken");
    }

    [Fact]
    public async Task Read_Challenges_AreDataAndTheirSchemesInTheMessage()
    {
        var refusal = await ReadAsync(HttpStatusCode.Unauthorized, "", null, static response =>
        {
            response.Headers.TryAddWithoutValidation("WWW-Authenticate", "Bearer realm=\"r\", error=\"expired\"");
            response.Headers.TryAddWithoutValidation("WWW-Authenticate", "Basic");
        });
        refusal.Challenges.Should().Equal("Bearer realm=\"r\", error=\"expired\"", "Basic");
        refusal.Message.Should().Contain("(Bearer, Basic)").And.NotContain("expired");
    }

    [Theory]
    [InlineData("5", 5)]
    [InlineData("Fri, 27 Nov 2026 10:00:30 GMT", 30)]
    [InlineData("Fri, 27 Nov 2026 09:00:00 GMT", 0)]
    [InlineData("soon", null)]
    public async Task Read_RetryAfter_IsATimeFromNow(string value, int? seconds)
    {
        var refusal = await ReadAsync(HttpStatusCode.ServiceUnavailable, "", null, response => response.Headers.TryAddWithoutValidation("Retry-After", value));
        refusal.RetryAfter.Should().Be(seconds is { } s ? TimeSpan.FromSeconds(s) : null);
    }

    [Fact]
    public async Task Read_BodyThatNeverEnds_TellsWhatHasCome()
    {
        using var stop = new CancellationTokenSource();
        using var content = new StreamContent(new EndlessStream("began, "u8.ToArray(), stop));
        content.Headers.ContentType = new MediaTypeHeaderValue("text/plain");
        using var response = new HttpResponseMessage(HttpStatusCode.BadGateway) { Content = content };
        (await HttpRefusal.ReadAsync(response, "It was refused with", TimeProvider.System, stop.Token)).Details.Should().Be("began,");
    }

    private static async Task<TransportRefusedException> ReadAsync(HttpStatusCode status, string body, string? type, Action<HttpResponseMessage>? change = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "http://server.test/a/b");
        using var response = new HttpResponseMessage(status) { Content = new ByteArrayContent(Encoding.UTF8.GetBytes(body)), RequestMessage = request };
        if (type is not null)
        {
            response.Content.Headers.TryAddWithoutValidation("Content-Type", type);
        }

        change?.Invoke(response);
        return await HttpRefusal.ReadAsync(response, "It was refused with", new FixedTime(), Token);
    }

    private sealed class FixedTime : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => new(2026, 11, 27, 10, 0, 0, TimeSpan.Zero);
    }

    /// <summary>Gives its beginning, then waits until it is given up, which the first wait does.</summary>
    private sealed class EndlessStream(byte[] beginning, CancellationTokenSource stop) : Stream
    {
        private bool _begun;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (!_begun)
            {
                _begun = true;
                beginning.CopyTo(buffer);
                return beginning.Length;
            }

            await stop.CancelAsync();
            await Task.Delay(Timeout.Infinite, cancellationToken);
            return 0;
        }

        public override void Flush()
        {
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
