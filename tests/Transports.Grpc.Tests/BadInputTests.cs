using Microsoft.AspNetCore.Http;

namespace Transports.Grpc.Tests;

public class BadInputTests
{
    private static readonly byte[] s_frame = [0, 0, 0, 0, 2, 7, 8];

    [Fact]
    public async Task Call_WholeFrame_IsEchoedWithOk()
    {
        await using var server = await EchoServer.StartAsync();
        using var client = new RawGrpcClient(server.Address);

        var (status, _, body) = await client.CallAsync(s_frame);

        status.Should().Be((int)GrpcStatusCode.OK);
        body.Should().Equal(s_frame);
    }

    [Theory]
    [InlineData("00 00 00 00 05 01", GrpcStatusCode.Internal)] // cut short
    [InlineData("00 00 00", GrpcStatusCode.Internal)] // cut short inside the prefix
    [InlineData("01 00 00 00 01 00", GrpcStatusCode.Internal)] // compressed, and no encoding named
    [InlineData("FF 00 00 00 01 00", GrpcStatusCode.Internal)] // no flag at all
    [InlineData("48 54 54 50 2F 31 2E 31", GrpcStatusCode.Internal)] // another protocol
    [InlineData("00 FF FF FF FF 00", GrpcStatusCode.ResourceExhausted)] // garbage for a length
    [InlineData("00 00 00 04 01 00", GrpcStatusCode.ResourceExhausted)] // one byte over the limit
    public async Task Call_BrokenBytes_GetsTheStatusOfTheSpecification(string bytes, GrpcStatusCode expected)
    {
        await using var server = await EchoServer.StartAsync(new KestrelTransportOptions { MaxMessageSize = 1024 });
        using var client = new RawGrpcClient(server.Address);

        var (status, message, _) = await client.CallAsync(Convert.FromHexString(bytes.Replace(" ", "", StringComparison.Ordinal)));

        status.Should().Be((int)expected);
        message.Should().NotBeNullOrEmpty();
        (await client.CallAsync(s_frame)).Status.Should().Be((int)GrpcStatusCode.OK, "the others are served on");
    }

    [Theory]
    [InlineData("br", false)]
    [InlineData("gzip", false)]
    [InlineData("br", true)]
    public async Task Call_UnknownEncoding_GetsUnimplemented(string encoding, bool gzip)
    {
        await using var server = await EchoServer.StartAsync(new KestrelTransportOptions { Grpc = { EnableCompression = gzip } });
        using var client = new RawGrpcClient(server.Address);

        var (status, message, _) = await client.CallAsync(s_frame, headers => headers.Add("grpc-encoding", encoding));

        status.Should().Be((int)GrpcStatusCode.Unimplemented);
        message.Should().Contain(encoding);
    }

    [Theory]
    [InlineData("soon")]
    [InlineData("123456789S")]
    [InlineData("5")]
    [InlineData("-5S")]
    public async Task Call_BrokenTimeout_GetsInternal(string timeout)
    {
        await using var server = await EchoServer.StartAsync();
        using var client = new RawGrpcClient(server.Address);

        (await client.CallAsync(s_frame, headers => headers.Add("grpc-timeout", timeout))).Status.Should().Be((int)GrpcStatusCode.Internal);
    }

    [Fact]
    public async Task Call_SmallGzipThatInflatesOverTheLimit_GetsResourceExhausted()
    {
        await using var server = await EchoServer.StartAsync(new KestrelTransportOptions { Grpc = { EnableCompression = true }, MaxMessageSize = 64 * 1024 });
        using var client = new RawGrpcClient(server.Address);

        var (status, _, body) = await client.CallAsync(GzipFrame.Of(new byte[50_000_000]), headers => headers.Add("grpc-encoding", "gzip"));

        status.Should().Be((int)GrpcStatusCode.ResourceExhausted);
        body.Should().BeEmpty();
    }

    [Fact]
    public async Task Call_BrokenGzip_GetsInternal()
    {
        await using var server = await EchoServer.StartAsync(new KestrelTransportOptions { Grpc = { EnableCompression = true } });
        using var client = new RawGrpcClient(server.Address);

        (await client.CallAsync([1, 0, 0, 0, 4, 1, 2, 3, 4], headers => headers.Add("grpc-encoding", "gzip"))).Status.Should().Be((int)GrpcStatusCode.Internal);
    }

    [Fact]
    public async Task Receive_ServerCutsAMessageShort_IsAFramingError()
    {
        await using var server = await ScriptedServer.StartAsync(async context =>
        {
            context.Response.ContentType = "application/grpc";
            await context.Response.BodyWriter.WriteAsync(new byte[] { 0, 0, 0, 0, 9, 1 });
            context.Response.AppendTrailer("grpc-status", "0");
        });
        using var transport = new GrpcTransport();
        await using var channel = await transport.ConnectAsync(server.Address, TestContext.Current.CancellationToken);

        var receive = async () => await channel.ReceiveAsync(TestContext.Current.CancellationToken);

        await receive.Should().ThrowAsync<MessageFramingException>();
        (await channel.Closed).Status.Should().Be(ChannelCloseStatus.ProtocolError);
    }

    [Theory]
    [InlineData(404, GrpcStatusCode.Unimplemented)]
    [InlineData(401, GrpcStatusCode.Unauthenticated)]
    [InlineData(503, GrpcStatusCode.Unavailable)]
    [InlineData(200, GrpcStatusCode.Unknown)]
    public async Task Receive_ServerIsNotGrpc_SaysSo(int httpStatus, GrpcStatusCode expected)
    {
        await using var server = await ScriptedServer.StartAsync(context =>
        {
            context.Response.StatusCode = httpStatus;
            context.Response.ContentType = "text/html";
            return Task.CompletedTask;
        });
        using var transport = new GrpcTransport();
        await using var channel = await transport.ConnectAsync(server.Address, TestContext.Current.CancellationToken);

        var receive = async () => await channel.ReceiveAsync(TestContext.Current.CancellationToken);

        (await receive.Should().ThrowAsync<MessageChannelClosedException>())
            .Which.CloseInfo.Should().BeEquivalentTo(new { Status = ChannelCloseStatus.ProtocolError, ProtocolErrorCode = (long)expected });
    }

    [Fact]
    public async Task Send_ServerRefusedWithTrailersOnly_TheSenderLearnsWhy()
    {
        await using var server = await ScriptedServer.StartAsync(context =>
        {
            context.Response.ContentType = "application/grpc";
            context.Response.Headers["grpc-status"] = "16";
            context.Response.Headers["grpc-message"] = "Wer bist du%3F %C3%BC";
            return Task.CompletedTask;
        });
        using var transport = new GrpcTransport();
        await using var channel = await transport.ConnectAsync(server.Address, TestContext.Current.CancellationToken);

        // Nobody receives; the failing write has to find out.
        var send = async () =>
        {
            while (true)
            {
                await channel.SendAsync(new byte[1024], TestContext.Current.CancellationToken);
            }
        };

        (await send.Should().ThrowAsync<MessageChannelClosedException>())
            .Which.CloseInfo.Should().BeEquivalentTo(new { Status = ChannelCloseStatus.PolicyViolation, Description = "Wer bist du? ü", ProtocolErrorCode = 16L });
    }
}
