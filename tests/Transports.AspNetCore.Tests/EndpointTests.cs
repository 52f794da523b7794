using System.Net;
using System.Net.Http.Headers;
using System.Security.Claims;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;

namespace Transports.AspNetCore.Tests;

/// <summary>A route of a web application, from outside.</summary>
public sealed class EndpointTests : IAsyncLifetime
{
    private readonly HttpClient _http = new();
    private WebApplication? _application;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync() => default;

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        if (_application is not null)
        {
            await _application.DisposeAsync();
        }
    }

    [Fact]
    public async Task Get_PlainRequest_IsToldWhatTheRouteTakes()
    {
        var address = await StartAsync(EchoAsync);
        using var response = await _http.GetAsync(address, Token);
        response.StatusCode.Should().Be(HttpStatusCode.NotAcceptable);
        response.Content.Headers.ContentType!.MediaType.Should().Be("application/problem+json");
        (await response.Content.ReadAsStringAsync(Token)).Should().Contain("WebSocket").And.Contain("text/event-stream");
    }

    [Fact]
    public async Task EventStream_Headers_AreThose()
    {
        var address = await StartAsync(WaitAsync);
        using var response = await OpenStreamAsync(address);
        response.StatusCode.Should().Be(HttpStatusCode.OK);
        response.Content.Headers.ContentType!.ToString().Should().Be("text/event-stream");
        response.Headers.NonValidated["Cache-Control"].ToString().Should().Be("no-cache, no-transform");
        response.Content.Headers.ContentEncoding.Should().BeEmpty();
        response.Headers.NonValidated["Connection"].ToString().Should().Be("keep-alive");
        response.Headers.NonValidated["X-Accel-Buffering"].ToString().Should().Be("no");
    }

    [Fact]
    public async Task OneRoute_WebSocketAndDuplexEvents_AreServedByOneHandler()
    {
        var address = await StartAsync(EchoAsync);
        using var webSockets = new WebSocketTransport();
        using var events = new SseTransport();
        foreach (var (transport, uri) in new (IClientTransport, Uri)[]
        {
            (webSockets, new UriBuilder(address) { Scheme = "ws" }.Uri),
            (events, new Uri($"sse+{address}?duplex")),
        })
        {
            await using var channel = await transport.ConnectAsync(uri, Token);
            foreach (var text in new[] { "one", "two\nlines", "carriage\r\nreturn", "" })
            {
                await channel.SendAsync(Message.FromText(text), Token);
                var message = (await channel.ReceiveAsync(Token))!.Value;
                message.GetText().Should().Be(text);
                message.Kind.Should().Be(MessageKind.Text);
            }

            await channel.SendAsync(new byte[] { 0, 1, 2 }, Token);
            (await channel.ReceiveAsync(Token))!.Value.ToArray().Should().Equal(0, 1, 2);
        }
    }

    [Fact]
    public async Task EventStream_ClientThatIsCutOff_ComesBackAndMissesNothing()
    {
        var sent = new TaskCompletionSource();
        var address = await StartAsync(async (channel, stoppingToken) =>
        {
            await channel.SendAsync(Message.FromText("one"), stoppingToken);
            await channel.SendAsync(Message.FromText("two"), stoppingToken);
            await channel.FlushAsync(stoppingToken);
            sent.SetResult();
            await channel.SendAsync(Message.FromText("three"), stoppingToken);
            await channel.Closed;
        });
        string id;
        using (var first = await OpenStreamAsync(address))
        {
            id = await ReadIdOfAsync(first, "one");
        }

        await sent.Task.WaitAsync(Token);
        using var second = await OpenStreamAsync(address, ("Last-Event-ID", id));
        using var reader = new StreamReader(await second.Content.ReadAsStreamAsync(Token));
        var data = new List<string>();
        while (data.Count < 2)
        {
            var line = (await reader.ReadLineAsync(Token))!;
            if (line.StartsWith("data: ", StringComparison.Ordinal))
            {
                data.Add(line[6..]);
            }
        }

        data.Should().Equal("two", "three");
    }

    [Theory]
    [InlineData("AAAAAAAAAAAAAAAAAAAAAA.1")]
    public async Task EventStream_StaleLastEventId_IsRefused(string id)
    {
        var address = await StartAsync(WaitAsync);
        using var response = await OpenStreamAsync(address, ("Last-Event-ID", id));
        response.StatusCode.Should().Be(HttpStatusCode.NotFound);
        response.Content.Headers.ContentType!.MediaType.Should().Be("application/problem+json");
        response.Headers.Contains("Transports-Session").Should().BeFalse();
    }

    [Fact]
    public async Task EventStream_ForeignLastEventId_IsANewSession()
    {
        var address = await StartAsync(WaitAsync);
        using var response = await OpenStreamAsync(address, ("Last-Event-ID", "42"));
        response.StatusCode.Should().Be(HttpStatusCode.OK);
    }

    [Fact]
    public async Task Session_OfAnotherUser_CannotBeUsed()
    {
        var received = new TaskCompletionSource<string>();
        var address = await StartAsync(async (channel, stoppingToken) => received.TrySetResult((await channel.ReceiveAsync(stoppingToken))!.Value.GetText()));
        using var alice = await OpenStreamAsync(new Uri($"{address}?duplex"), ("User", "alice"));
        var session = alice.Headers.GetValues("Transports-Session").Single();
        foreach (var (user, status) in new[] { ("mallory", HttpStatusCode.NotFound), (null, HttpStatusCode.NotFound), ("alice", HttpStatusCode.NoContent) })
        {
            using var post = new HttpRequestMessage(HttpMethod.Post, address) { Content = new StringContent($"from {user}") };
            post.Headers.Add("Transports-Session", session);
            if (user is not null)
            {
                post.Headers.Add("User", user);
            }

            using var response = await _http.SendAsync(post, Token);
            response.StatusCode.Should().Be(status);
        }

        using var stolen = await OpenStreamAsync(address, ("User", "mallory"), ("Last-Event-ID", session + ".0"));
        stolen.StatusCode.Should().Be(HttpStatusCode.NotFound);
        (await received.Task.WaitAsync(Token)).Should().Be("from alice");
    }

    [Fact]
    public async Task Post_Wrong_IsRefusedForWhatItIs()
    {
        var address = await StartAsync(WaitAsync, new MessageChannelEndpointOptions { MaxMessageSize = 100 });
        using var duplex = await OpenStreamAsync(new Uri($"{address}?duplex"));
        using var oneWay = await OpenStreamAsync(address);
        (await PostAsync(duplex, "application/json", "{}")).Should().Be(HttpStatusCode.UnsupportedMediaType);
        (await PostAsync(duplex, "text/plain", new string('x', 101))).Should().Be(HttpStatusCode.RequestEntityTooLarge);
        (await PostAsync(duplex, "text/event-stream", "data: half")).Should().Be(HttpStatusCode.BadRequest);
        (await PostAsync(duplex, "text/plain", "well")).Should().Be(HttpStatusCode.NoContent);
        (await PostAsync(oneWay, "text/plain", "one way only")).Should().Be(HttpStatusCode.Forbidden);

        async Task<HttpStatusCode> PostAsync(HttpResponseMessage stream, string type, string body)
        {
            using var post = new HttpRequestMessage(HttpMethod.Post, address) { Content = new StringContent(body, Encoding.UTF8, type) };
            post.Headers.Add("Transports-Session", stream.Headers.GetValues("Transports-Session"));
            using var response = await _http.SendAsync(post, Token);
            return response.StatusCode;
        }
    }

    [Fact]
    public async Task EventStream_ClientThatStopsReading_HoldsBackItsOwnSenderOnly()
    {
        var stalled = new TaskCompletionSource();
        var address = await StartAsync(async (channel, stoppingToken) =>
        {
            if (channel.GetFeature<IHttpChannelFeature>()!.RequestUri.Query.Contains("flood", StringComparison.Ordinal))
            {
                var payload = new byte[16 * 1024];
                while (true)
                {
                    var sending = channel.SendAsync(payload, stoppingToken);
                    if (!sending.IsCompleted)
                    {
                        // Sends wait now and then; this one waits for as long as the client does not read.
                        stalled.TrySetResult();
                    }

                    await sending;
                }
            }

            await EchoAsync(channel, stoppingToken);
        });
        using var flooded = await OpenStreamAsync(new Uri($"{address}?flood"));
        await stalled.Task.WaitAsync(Token);
        using var events = new SseTransport();
        await using var other = await events.ConnectAsync(new Uri($"sse+{address}?duplex"), Token);
        await other.SendAsync("still served"u8.ToArray(), Token);
        (await other.ReceiveAsync(Token))!.Value.GetText().Should().Be("still served");
    }

    [Theory]
    [InlineData("ws")]
    [InlineData("sse+http")]
    public async Task Stop_OpenChannels_AreToldGoingAway(string scheme)
    {
        var address = await StartAsync(async (channel, stoppingToken) => await Task.Delay(Timeout.Infinite, stoppingToken));
        IClientTransport transport = scheme == "ws" ? new WebSocketTransport() : new SseTransport();
        await using var channel = await transport.ConnectAsync(new Uri($"{scheme}{address.ToString()[4..]}?duplex"), Token);
        var receiving = channel.ReceiveAsync(Token).AsTask();
        await _application!.StopAsync(Token);
        (await receiving).Should().BeNull();
        (await channel.Closed).Status.Should().Be(ChannelCloseStatus.GoingAway);
    }

    [Theory]
    [InlineData("ws")]
    [InlineData("sse+http")]
    public async Task Stop_HandlerThatReturns_EndsItsChannelItself(string scheme)
    {
        var address = await StartAsync(async (channel, stoppingToken) =>
        {
            await Task.Delay(Timeout.Infinite, stoppingToken).ContinueWith(static _ => { }, TaskScheduler.Default);
            await channel.SendAsync("the answer"u8.ToArray(), CancellationToken.None);
        });
        IClientTransport transport = scheme == "ws" ? new WebSocketTransport() : new SseTransport();
        await using var channel = await transport.ConnectAsync(new Uri($"{scheme}{address.ToString()[4..]}?duplex"), Token);
        var receiving = channel.ReceiveAsync(Token).AsTask();
        await _application!.StopAsync(Token);
        (await receiving)!.Value.GetText().Should().Be("the answer");
        (await channel.ReceiveAsync(Token)).Should().BeNull();
        (await channel.Closed).Status.Should().Be(ChannelCloseStatus.Normal);
    }

    [Theory]
    [InlineData("ws")]
    [InlineData("sse+http")]
    public async Task Handler_ThatThrows_ClosesWithInternalError(string scheme)
    {
        var address = await StartAsync((_, _) => throw new InvalidOperationException("no"));
        IClientTransport transport = scheme == "ws" ? new WebSocketTransport() : new SseTransport();
        await using var channel = await transport.ConnectAsync(new Uri($"{scheme}{address.ToString()[4..]}?duplex"), Token);
        await FluentActions.Awaiting(async () => await channel.ReceiveAsync(Token)).Should().ThrowAsync<MessageChannelClosedException>();
        (await channel.Closed).Status.Should().Be(ChannelCloseStatus.InternalError);
    }

    [Fact]
    public async Task Feature_HttpRequest_TellsUserHeadersAndRoute()
    {
        var seen = new TaskCompletionSource<IHttpChannelFeature>();
        var address = await StartAsync((channel, _) =>
        {
            seen.SetResult(channel.GetFeature<IHttpChannelFeature>()!);
            return Task.CompletedTask;
        });
        using var transport = new WebSocketTransport(new WebSocketTransportOptions { ConfigureRequest = static request => request.Headers.Add("User", "alice") });
        await using var channel = await transport.ConnectAsync(new UriBuilder(address) { Scheme = "ws" }.Uri, Token);
        var feature = await seen.Task.WaitAsync(Token);
        feature.User.Identity!.Name.Should().Be("alice");
        feature.Headers["User"].ToString().Should().Be("alice");
        feature.RouteValues["room"].Should().Be("blue");
        ((IPEndPoint)((IConnectionEndPointFeature)feature).RemoteEndPoint!).Address.Should().Be(IPAddress.Loopback);
    }

    private static async Task EchoAsync(IMessageChannel channel, CancellationToken stoppingToken)
    {
        while (await channel.ReceiveAsync(stoppingToken) is { } message)
        {
            await channel.SendAsync(message, stoppingToken);
        }
    }

    private static Task WaitAsync(IMessageChannel channel, CancellationToken stoppingToken) => channel.Closed.WaitAsync(stoppingToken);

    private static async Task<string> ReadIdOfAsync(HttpResponseMessage response, string data)
    {
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(Token));
        var id = "";
        while (await reader.ReadLineAsync(Token) is { } line)
        {
            if (line.StartsWith("id: ", StringComparison.Ordinal))
            {
                id = line[4..];
            }
            else if (line == "data: " + data)
            {
                return id;
            }
        }

        throw new EndOfStreamException();
    }

    private async Task<HttpResponseMessage> OpenStreamAsync(Uri address, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, address);
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("text/event-stream"));
        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        return await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Token);
    }

    private async Task<Uri> StartAsync(MessageChannelHandler handler, MessageChannelEndpointOptions? options = null)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0");
        builder.Services.AddRoutingCore();
        _application = builder.Build();

        // Stands for an authentication: a header names the user.
        _application.Use((context, next) =>
        {
            if (context.Request.Headers["User"] is [{ } name])
            {
                context.User = new ClaimsPrincipal(new ClaimsIdentity([new Claim(ClaimTypes.Name, name), new Claim(ClaimTypes.NameIdentifier, name)], "test"));
            }

            return next(context);
        });
        _application.UseRouting();
        _application.MapMessageChannel("/rooms/{room}", handler, options);
        await _application.StartAsync(Token);
        return new Uri(_application.Urls.Single() + "/rooms/blue");
    }
}
