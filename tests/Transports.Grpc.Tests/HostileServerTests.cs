using Microsoft.AspNetCore.Http;

namespace Transports.Grpc.Tests;

/// <summary>Servers that answer with what no gRPC server should, and what a client makes of it.</summary>
public class HostileServerTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("abc", GrpcStatusCode.Unknown)]
    [InlineData("-1", GrpcStatusCode.Unknown)]
    [InlineData("17", GrpcStatusCode.Unknown)]
    [InlineData("99999999999999999999", GrpcStatusCode.Unknown)]
    [InlineData("1.0", GrpcStatusCode.Unknown)]
    [InlineData("+0", GrpcStatusCode.Unknown)]
    [InlineData("", GrpcStatusCode.Unknown)]
    [InlineData("05", GrpcStatusCode.NotFound)]
    public async Task Receive_StatusIsNoStatus_IsAFailure(string status, GrpcStatusCode expected)
    {
        foreach (var trailersOnly in new[] { true, false })
        {
            var info = await FailAsync(context => EndAsync(context, trailersOnly, ("grpc-status", status)));

            info.ProtocolErrorCode.Should().Be((long)expected);
            info.IsRemote.Should().BeTrue();
        }
    }

    [Fact]
    public async Task Receive_StatusTwice_IsAFailure()
    {
        foreach (var trailersOnly in new[] { true, false })
        {
            (await FailAsync(context => EndAsync(context, trailersOnly, ("grpc-status", "0"), ("grpc-status", "0")))).ProtocolErrorCode.Should().Be((long)GrpcStatusCode.Unknown);
        }
    }

    [Fact]
    public async Task Receive_NoStatus_IsAProtocolError()
    {
        var info = await FailAsync(context => EndAsync(context, trailersOnly: false, ("something", "else")));

        info.Should().BeEquivalentTo(new { Status = ChannelCloseStatus.ProtocolError, ProtocolErrorCode = (long)GrpcStatusCode.Unknown, IsRemote = true });
    }

    [Theory]
    [InlineData("100%", "100%")]
    [InlineData("%zz%4", "%zz%4")]
    [InlineData("%FF%FEx", "\uFFFD\uFFFDx")]
    [InlineData("%C3", "\uFFFD")]
    [InlineData("%00%0D%0A", "\0\r\n")]
    public async Task Receive_MessageIsBrokenlyEncoded_IsShownAsFarAsItGoes(string message, string shown)
    {
        (await FailAsync(context => EndAsync(context, trailersOnly: false, ("grpc-status", "7"), ("grpc-message", message)))).Description.Should().Be(shown);
    }

    [Theory]
    [InlineData("GoingAway")]
    [InlineData("Normal")]
    [InlineData("0")]
    [InlineData("Nonsense")]
    public async Task Receive_CloseStatusTrailerAgainstTheCode_IsNotBelieved(string closeStatus)
    {
        (await FailAsync(context => EndAsync(context, trailersOnly: false, ("grpc-status", "13"), ("transports-close-status", closeStatus))))
            .Status.Should().Be(ChannelCloseStatus.InternalError);
    }

    [Theory]
    [InlineData("application/grpcfoo", false)]
    [InlineData("application/grpc-web", false)]
    [InlineData("application/grpc-web+proto", false)]
    [InlineData("text/html; charset=utf-8", false)]
    [InlineData("", false)]
    [InlineData("application/grpc", true)]
    [InlineData("application/grpc+proto", true)]
    [InlineData("application/grpc+proto; charset=utf-8", true)]
    [InlineData("Application/GRPC;x=y", true)]
    public async Task Receive_ContentType_OnlyGrpcIsRead(string contentType, bool isGrpc)
    {
        await using var server = await ScriptedServer.StartAsync(async context =>
        {
            context.Response.Headers.ContentType = contentType;
            await context.Response.BodyWriter.WriteAsync(new byte[] { 0, 0, 0, 0, 1, 7 });
            context.Response.AppendTrailer("grpc-status", "0");
        });
        using var transport = new GrpcTransport();
        await using var channel = await transport.ConnectAsync(server.Address, Token);

        var receive = async () => (await channel.ReceiveAsync(Token))!.Value.ToArray();

        if (isGrpc)
        {
            (await receive()).Should().Equal(7);
            (await channel.ReceiveAsync(Token)).Should().BeNull();
        }
        else
        {
            (await receive.Should().ThrowAsync<MessageChannelClosedException>()).Which.CloseInfo.Should().BeEquivalentTo(
                new { Status = ChannelCloseStatus.ProtocolError, ProtocolErrorCode = (long)GrpcStatusCode.Unknown });
        }
    }

    [Theory]
    [InlineData(307, GrpcStatusCode.Unknown)]
    [InlineData(503, GrpcStatusCode.Unavailable)]
    [InlineData(400, GrpcStatusCode.Internal)]
    [InlineData(206, GrpcStatusCode.Unknown)]
    public async Task Receive_HttpAnswerWithABody_SaysTheHttpStatus(int httpStatus, GrpcStatusCode expected)
    {
        var info = await FailAsync(async context =>
        {
            context.Response.StatusCode = httpStatus;
            context.Response.ContentType = "text/html";
            context.Response.Headers.Location = "/elsewhere";
            await context.Response.WriteAsync("<html>Sorry</html>");
        });

        info.Should().BeEquivalentTo(new { Status = ChannelCloseStatus.ProtocolError, ProtocolErrorCode = (long)expected });
        info.Description.Should().Contain(httpStatus.ToString(System.Globalization.CultureInfo.InvariantCulture));
        var refusal = info.Exception.Should().BeOfType<TransportRefusedException>().Which;
        refusal.StatusCode.Should().Be(httpStatus);
        refusal.Location!.AbsolutePath.Should().Be("/elsewhere");
    }

    [Fact]
    public async Task Receive_GzipThatInflatesOverTheLimit_IsRefused()
    {
        var bomb = GzipFrame.Of(new byte[50_000_000]);
        await using var server = await ScriptedServer.StartAsync(context => AnswerGzipAsync(context, bomb));
        using var transport = new GrpcTransport(new GrpcTransportOptions { EnableCompression = true, MaxMessageSize = 64 * 1024 });
        await using var channel = await transport.ConnectAsync(server.Address, Token);

        var receive = async () => await channel.ReceiveAsync(Token);

        (await receive.Should().ThrowAsync<MessageTooLargeException>()).Which.Size.Should().BeLessThan(70_000, "no more was inflated than shows that the limit is passed");
        (await channel.Closed).Status.Should().Be(ChannelCloseStatus.MessageTooLarge);
    }

    [Fact]
    public async Task Receive_CompressedMessageOfNoBytes_IsTheEmptyMessage()
    {
        await using var server = await ScriptedServer.StartAsync(context => AnswerGzipAsync(context, [1, 0, 0, 0, 0]));
        using var transport = new GrpcTransport(new GrpcTransportOptions { EnableCompression = true });
        await using var channel = await transport.ConnectAsync(server.Address, Token);

        (await channel.ReceiveAsync(Token))!.Value.Length.Should().Be(0);
        (await channel.ReceiveAsync(Token)).Should().BeNull();
    }

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    [InlineData(50)]
    public async Task Receive_GzipCutShortInsideItsFrame_IsAFramingError(int kept)
    {
        var whole = GzipFrame.Of(System.Security.Cryptography.RandomNumberGenerator.GetBytes(2000));
        var cut = whole[..(5 + kept)];
        GrpcCodec.WritePrefix(cut, isCompressed: true, kept);
        await using var server = await ScriptedServer.StartAsync(context => AnswerGzipAsync(context, cut));
        using var transport = new GrpcTransport(new GrpcTransportOptions { EnableCompression = true });
        await using var channel = await transport.ConnectAsync(server.Address, Token);

        var receive = async () => await channel.ReceiveAsync(Token);

        await receive.Should().ThrowAsync<MessageFramingException>();
    }

    [Fact]
    public async Task Receive_CompressedMessageThoughNotOffered_IsAFramingError()
    {
        await using var server = await ScriptedServer.StartAsync(context => AnswerGzipAsync(context, GzipFrame.Of(new byte[100])));
        using var transport = new GrpcTransport();
        await using var channel = await transport.ConnectAsync(server.Address, Token);

        var receive = async () => await channel.ReceiveAsync(Token);

        (await receive.Should().ThrowAsync<MessageFramingException>()).WithMessage("*EnableCompression*");
    }

    [Fact]
    public async Task Receive_MessageAtTheLimitAndOneOver_FirstIsTakenSecondRefused()
    {
        await using var server = await ScriptedServer.StartAsync(async context =>
        {
            context.Response.ContentType = "application/grpc";
            foreach (var size in new[] { 1000, 1001 })
            {
                var frame = new byte[5 + size];
                GrpcCodec.WritePrefix(frame, isCompressed: false, size);
                await context.Response.BodyWriter.WriteAsync(frame);
            }

            context.Response.AppendTrailer("grpc-status", "0");
        });
        using var transport = new GrpcTransport(new GrpcTransportOptions { MaxMessageSize = 1000 });
        await using var channel = await transport.ConnectAsync(server.Address, Token);

        (await channel.ReceiveAsync(Token))!.Value.Length.Should().Be(1000);
        var receive = async () => await channel.ReceiveAsync(Token);

        (await receive.Should().ThrowAsync<MessageTooLargeException>()).Which.Limit.Should().Be(1000);
    }

    [Fact(Timeout = 60_000)]
    public async Task Receive_ServerAnswersAndEndsBeforeItReads_AllItSentArrives()
    {
        await using var server = await ScriptedServer.StartAsync(async context =>
        {
            context.Response.ContentType = "application/grpc";
            await context.Response.BodyWriter.WriteAsync(new byte[] { 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 1, 2 });
            context.Response.AppendTrailer("grpc-status", "0");
        });
        using var transport = new GrpcTransport();
        await using var channel = await transport.ConnectAsync(server.Address, Token);
        var sending = Task.Run(
            async () =>
            {
                while (true)
                {
                    await channel.SendAsync(new byte[100_000], Token);
                }
            },
            Token);

        (await channel.ReceiveAsync(Token))!.Value.ToArray().Should().Equal(1);
        (await channel.ReceiveAsync(Token))!.Value.ToArray().Should().Equal(2);
        (await channel.ReceiveAsync(Token)).Should().BeNull();
        (await channel.Closed).Status.Should().Be(ChannelCloseStatus.Normal);
        var send = () => sending;
        await send.Should().ThrowAsync<MessageChannelClosedException>();
    }

    private static Task EndAsync(HttpContext context, bool trailersOnly, params (string Name, string Value)[] trailers)
    {
        context.Response.ContentType = "application/grpc";
        foreach (var (name, value) in trailers)
        {
            if (trailersOnly)
            {
                context.Response.Headers.Append(name, value);
            }
            else
            {
                context.Response.AppendTrailer(name, value);
            }
        }

        return trailersOnly ? Task.CompletedTask : context.Response.BodyWriter.FlushAsync().AsTask();
    }

    private static async Task AnswerGzipAsync(HttpContext context, byte[] frame)
    {
        context.Response.ContentType = "application/grpc";
        context.Response.Headers["grpc-encoding"] = "gzip";
        await context.Response.BodyWriter.WriteAsync(frame);
        context.Response.AppendTrailer("grpc-status", "0");
    }

    private static async Task<ChannelCloseInfo> FailAsync(RequestDelegate answer)
    {
        await using var server = await ScriptedServer.StartAsync(answer);
        using var transport = new GrpcTransport();
        await using var channel = await transport.ConnectAsync(server.Address, Token);
        var receive = async () => await channel.ReceiveAsync(Token);
        return (await receive.Should().ThrowAsync<MessageChannelClosedException>()).Which.CloseInfo;
    }
}
