using System.Net.Http.Headers;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Transports.Grpc.Tests;

/// <summary>gRPC and gRPC-Web on the routes of a web application.</summary>
public class EndpointTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task MapMessageChannel_GrpcAndOtherEndpoints_AreServedInOneHost()
    {
        await using var app = ScriptedServer.Build(HttpProtocols.Http2);
        app.UseRouting();
        app.MapGet("/hello", () => "hello");
        app.MapMessageChannel("/transports.v1.MessageChannel/Connect", EchoServer.EchoAsync);
        app.MapGrpcMessageChannel("shop.Orders/Watch", async (channel, stoppingToken) =>
        {
            channel.GetFeature<IGrpcServerCallFeature>()!.Method.Should().Be("shop.Orders/Watch");
            await channel.SendAsync(new byte[] { 1 }, stoppingToken);
            channel.GetFeature<IGrpcServerCallFeature>()!.SetStatus(GrpcStatusCode.OutOfRange, "no more");
        });
        await app.StartAsync(Token);
        var port = new Uri(app.Urls.First()).Port;
        using var transport = new GrpcTransport();

        await using var echo = await transport.ConnectAsync(new Uri($"grpc+http://127.0.0.1:{port}"), Token);
        await echo.SendAsync(Message.FromText("there and back"), Token);
        var answer = (await echo.ReceiveAsync(Token))!.Value;
        answer.Kind.Should().Be(MessageKind.Text);
        answer.GetText().Should().Be("there and back");

        await using var watch = await transport.ConnectAsync(new Uri($"grpc+http://127.0.0.1:{port}/shop.Orders/Watch"), Token);
        (await watch.ReceiveAsync(Token))!.Value.ToArray().Should().Equal(1);
        var receive = async () => await watch.ReceiveAsync(Token);
        (await receive.Should().ThrowAsync<MessageChannelClosedException>()).Which.CloseInfo.ProtocolErrorCode.Should().Be((long)GrpcStatusCode.OutOfRange);

        await using var unknown = await transport.ConnectAsync(new Uri($"grpc+http://127.0.0.1:{port}/shop.Orders/Forget"), Token);
        var receiveUnknown = async () => await unknown.ReceiveAsync(Token);
        (await receiveUnknown.Should().ThrowAsync<MessageChannelClosedException>()).Which.CloseInfo.ProtocolErrorCode.Should().Be((long)GrpcStatusCode.Unimplemented);
        await echo.CloseAsync(cancellationToken: Token);
    }

    [Fact]
    public async Task MapGrpcMessageChannel_HandlerThrows_ClientGetsUnknownWithoutDetails()
    {
        await using var app = ScriptedServer.Build(HttpProtocols.Http2);
        app.UseRouting();
        app.MapGrpcMessageChannel("shop.Orders/Get", (_, _) => throw new InvalidOperationException("the password is 1234"));
        await app.StartAsync(Token);
        using var transport = new GrpcTransport();
        await using var channel = await transport.ConnectAsync(new Uri($"grpc+http://127.0.0.1:{new Uri(app.Urls.First()).Port}/shop.Orders/Get"), Token);

        var receive = async () => await channel.ReceiveAsync(Token);

        var info = (await receive.Should().ThrowAsync<MessageChannelClosedException>()).Which.CloseInfo;
        info.ProtocolErrorCode.Should().Be((long)GrpcStatusCode.Unknown);
        info.Description.Should().NotContain("1234");
    }

    [Theory]
    [InlineData("Orders")]
    [InlineData("a/b/c")]
    [InlineData("{any}/Method")]
    public async Task MapGrpcMessageChannel_NotAMethod_IsRefused(string method)
    {
        await using var app = ScriptedServer.Build(HttpProtocols.Http2);
        var map = () => app.MapGrpcMessageChannel(method, EchoServer.EchoAsync);
        map.Should().Throw<ArgumentException>();
    }

    [Theory]
    [InlineData("application/grpc-web", false)]
    [InlineData("application/grpc-web+proto", false)]
    [InlineData("application/grpc-web-text", true)]
    [InlineData("application/grpc-web-text+proto", true)]
    public async Task GrpcWeb_OverHttp11_EchoesAndEndsWithATrailerFrame(string contentType, bool isText)
    {
        await using var app = ScriptedServer.Build(HttpProtocols.Http1);
        app.UseRouting();
        app.MapGrpcMessageChannel("shop.Orders/Get", async (channel, stoppingToken) =>
        {
            await EchoServer.EchoAsync(channel, stoppingToken);
            channel.GetFeature<IGrpcServerCallFeature>()!.SetStatus(GrpcStatusCode.NotFound, "nicht für dich");
        });
        await app.StartAsync(Token);
        var payload = new byte[1000];
        new Random(1).NextBytes(payload);
        var frame = new byte[5 + payload.Length];
        GrpcCodec.WritePrefix(frame, isCompressed: false, payload.Length);
        payload.CopyTo(frame, 5);

        // Two pieces, each encoded by itself and so with padding in the middle.
        var body = isText
            ? System.Text.Encoding.ASCII.GetBytes(Convert.ToBase64String(frame[..8]) + Convert.ToBase64String(frame[8..]))
            : frame;
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false });
        using var content = new ByteArrayContent(body);
        content.Headers.ContentType = new MediaTypeHeaderValue(contentType);
        using var response = await http.PostAsync(new Uri($"{app.Urls.First()}/shop.Orders/Get"), content, Token);
        var answer = await response.Content.ReadAsByteArrayAsync(Token);

        response.Content.Headers.ContentType!.ToString().Should().Be(isText ? "application/grpc-web-text" : "application/grpc-web");
        if (isText)
        {
            answer = DecodePieces(System.Text.Encoding.ASCII.GetString(answer));
        }

        answer[..frame.Length].Should().Equal(frame);
        answer[frame.Length].Should().Be(0x80);
        var trailers = System.Text.Encoding.ASCII.GetString(answer[(frame.Length + 5)..]);
        trailers.Should().Be("grpc-status: 5\r\ngrpc-message: nicht f%C3%BCr dich\r\n");
    }

    [Fact]
    public async Task GrpcWebText_NotBase64_GetsInternal()
    {
        await using var app = ScriptedServer.Build(HttpProtocols.Http1);
        app.UseRouting();
        app.MapGrpcMessageChannel("shop.Orders/Get", EchoServer.EchoAsync);
        await app.StartAsync(Token);
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false });
        using var content = new ByteArrayContent("!!!! no base64"u8.ToArray());
        content.Headers.ContentType = new MediaTypeHeaderValue("application/grpc-web-text");
        using var response = await http.PostAsync(new Uri($"{app.Urls.First()}/shop.Orders/Get"), content, Token);

        var answer = DecodePieces(await response.Content.ReadAsStringAsync(Token));

        System.Text.Encoding.ASCII.GetString(answer[5..]).Should().StartWith("grpc-status: 13\r\n");
    }

    [Fact]
    public async Task MapMessageChannel_OtherContentType_SaysWhatItTakes()
    {
        await using var app = ScriptedServer.Build(HttpProtocols.Http1);
        app.UseRouting();
        app.MapMessageChannel("/any", EchoServer.EchoAsync);
        await app.StartAsync(Token);
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false });

        using var response = await http.PostAsync(new Uri($"{app.Urls.First()}/any"), new StringContent("{}"), Token);

        ((int)response.StatusCode).Should().Be(StatusCodes.Status415UnsupportedMediaType);
        (await response.Content.ReadAsStringAsync(Token)).Should().Contain("application/grpc");
    }

    [Theory]
    [InlineData("application/grpc", 426)]
    [InlineData("application/grpc+proto", 426)]
    [InlineData("application/grpcfoo", 415)]
    [InlineData("application/grpc-webby", 415)]
    public async Task MapMessageChannel_OverHttp11_GrpcIsToldToUpgradeAndTheRestThatItIsNone(string contentType, int expected)
    {
        await using var app = ScriptedServer.Build(HttpProtocols.Http1);
        app.UseRouting();
        app.MapMessageChannel("/any.Service/Method", EchoServer.EchoAsync);
        await app.StartAsync(Token);
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false });
        using var content = new ByteArrayContent([0, 0, 0, 0, 0]);
        content.Headers.ContentType = new MediaTypeHeaderValue(contentType);

        using var response = await http.PostAsync(new Uri($"{app.Urls.First()}/any.Service/Method"), content, Token);

        ((int)response.StatusCode).Should().Be(expected);
        if (expected == 426)
        {
            response.Headers.Upgrade.ToString().Should().Be("h2c");
        }
    }

    [Theory]
    [InlineData("POST", "text/plain", 415)]
    [InlineData("GET", null, 405)]
    [InlineData("PUT", "application/grpc", 405)]
    public async Task MapGrpcMessageChannel_NoGrpcCall_SaysWhatItTakes(string method, string? contentType, int expected)
    {
        await using var app = ScriptedServer.Build(HttpProtocols.Http1);
        app.UseRouting();
        app.MapGrpcMessageChannel("any.Service/Method", EchoServer.EchoAsync);
        await app.StartAsync(Token);
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false });
        using var request = new HttpRequestMessage(new HttpMethod(method), new Uri($"{app.Urls.First()}/any.Service/Method"));
        request.Content = contentType is null ? null : new StringContent("x", new MediaTypeHeaderValue(contentType));

        using var response = await http.SendAsync(request, Token);

        ((int)response.StatusCode).Should().Be(expected);
        response.Content.Headers.Allow.Should().Equal(expected == 405 ? ["POST"] : []);
    }

    [Theory]
    [InlineData("")]
    [InlineData("/v1")]
    public async Task MapGrpcMessageChannel_UnknownMethodOfTheService_IsUnimplementedInGrpcsWords(string prefix)
    {
        await using var app = ScriptedServer.Build(HttpProtocols.Http2);
        app.UseRouting();
        app.MapGroup(prefix).MapGrpcMessageChannel("shop.Orders/Get", EchoServer.EchoAsync);
        app.MapGroup(prefix).MapGrpcMessageChannel("shop.Orders/Watch", EchoServer.EchoAsync);
        app.MapPost($"{prefix}/shop.Orders/export", () => "page");
        await app.StartAsync(Token);
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false })
        {
            BaseAddress = new Uri(app.Urls.First()),
            DefaultRequestVersion = new Version(2, 0),
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };

        using var unknown = await PostAsync("shop.Orders/Forget", "application/grpc");
        ((int)unknown.StatusCode).Should().Be(200);
        var status = unknown.Headers.TryGetValues("grpc-status", out var values) ? values : unknown.TrailingHeaders.GetValues("grpc-status");
        status.Should().Equal("12");

        using var known = await PostAsync("shop.Orders/Watch", "application/grpc");
        known.TrailingHeaders.GetValues("grpc-status").Should().Equal("0");
        using var page = await PostAsync("shop.Orders/Forget", "text/plain");
        ((int)page.StatusCode).Should().Be(404);
        using var own = await PostAsync("shop.Orders/export", "text/plain");
        (await own.Content.ReadAsStringAsync(Token)).Should().Be("page");
        using var otherService = await PostAsync("shop.Carts/Get", "application/grpc");
        ((int)otherService.StatusCode).Should().Be(404);

        async Task<HttpResponseMessage> PostAsync(string path, string type)
        {
            using var content = new ByteArrayContent([0, 0, 0, 0, 0]);
            content.Headers.TryAddWithoutValidation("content-type", type);
            var response = await http.PostAsync(new Uri($"{prefix}/{path}", UriKind.Relative), content, Token);
            await response.Content.ReadAsByteArrayAsync(Token);
            return response;
        }
    }

    [Theory]
    [InlineData("Application/GRPC")]
    [InlineData("application/grpc;charset=utf-8")]
    [InlineData("application/grpc+json")]
    public async Task MapGrpcMessageChannel_ContentTypeInAnotherSpelling_IsAnsweredWithOurs(string contentType)
    {
        await using var app = ScriptedServer.Build(HttpProtocols.Http2);
        app.UseRouting();
        app.MapGrpcMessageChannel("any.Service/Method", EchoServer.EchoAsync);
        await app.StartAsync(Token);
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false })
        {
            DefaultRequestVersion = new Version(2, 0),
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        using var content = new ByteArrayContent([0, 0, 0, 0, 0]);
        content.Headers.TryAddWithoutValidation("content-type", contentType);

        using var response = await http.PostAsync(new Uri($"{app.Urls.First()}/any.Service/Method"), content, Token);

        response.Content.Headers.NonValidated["content-type"].ToString().Should().Be("application/grpc");
    }

    [Theory]
    [InlineData(null, "grpc-dotnet-transports/")]
    [InlineData("mine/1", "mine/1")]
    public async Task ConnectAsync_UserAgent_IsOursOrWhatTheMetadataSays(string? own, string expected)
    {
        await using var server = await EchoServer.StartAsync();
        var options = new GrpcTransportOptions();
        if (own is not null)
        {
            options.Headers.Add("user-agent", own);
        }

        await using var pair = await GrpcPair.OpenAsync(options);

        pair.Server.GetFeature<IGrpcServerCallFeature>()!.RequestHeaders.GetValue("user-agent").Should().StartWith(expected);
    }

    private static byte[] DecodePieces(string text)
    {
        var decoded = new MemoryStream();
        for (var i = 0; i < text.Length; i += 4)
        {
            decoded.Write(Convert.FromBase64String(text.Substring(i, 4)));
        }

        return decoded.ToArray();
    }
}
