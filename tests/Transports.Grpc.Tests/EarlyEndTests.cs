using Microsoft.AspNetCore.Http;

namespace Transports.Grpc.Tests;

/// <summary>Calls that one side ends while the client still sends.</summary>
public class EarlyEndTests
{
    private static readonly (string, string)[] s_headers = [(":status", "200"), ("content-type", "application/grpc")];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public enum Ending
    {
        Abort,
        Deadline,
        CancelledClose,
    }

    public static TheoryData<GrpcStatusCode, int> EarlyEnds => new()
    {
        { GrpcStatusCode.OK, 0 },
        { GrpcStatusCode.OK, 1 },
        { GrpcStatusCode.OK, 40 },
        { GrpcStatusCode.InvalidArgument, 0 },
        { GrpcStatusCode.InvalidArgument, 40 },
        { GrpcStatusCode.Unavailable, 40 },
    };

    // Anything behind the reset would be an error of the connection, with all its calls (RFC 9113, section 5.1).
    [Theory(Timeout = 120_000)]
    [InlineData(Ending.Abort, 27_182)]
    [InlineData(Ending.Abort, 200_000)]
    [InlineData(Ending.Deadline, 200_000)]
    [InlineData(Ending.CancelledClose, 200_000)]
    public async Task Reset_WhileAMessageOfSeveralFramesIsWritten_NothingFollowsIt(Ending ending, int size)
    {
        await using var server = new RawHttp2Server();
        using var transport = new GrpcTransport(new GrpcTransportOptions { SendBufferSize = 1024 * 1024 });
        var connecting = transport.ConnectAsync(server.Address, Token).AsTask();
        var connection = await server.AcceptAsync(streamWindow: 1 << 30);
        await connection.WindowUpdateAsync(0, 1 << 30);
        var mateStream = await connection.ReadRequestAsync();
        await using var mate = await connecting;

        for (var i = 0; i < 60; i++)
        {
            var call = new GrpcCallOptions { Timeout = ending == Ending.Deadline ? TimeSpan.FromMilliseconds(2) : null };
            var opened = await transport.ConnectAsync(server.Address, call, Token);
            var reset = new HashSet<int>();
            var reading = ReadToMateAsync(connection, mateStream, reset);
            try
            {
                await opened.SendAsync(new byte[size], Token);
                if (ending == Ending.CancelledClose)
                {
                    using var now = new CancellationTokenSource();
                    var closing = opened.CloseAsync(cancellationToken: now.Token).AsTask();
                    await now.CancelAsync();
                    await Task.WhenAny(closing);
                }
                else if (ending == Ending.Abort)
                {
                    opened.Abort();
                }
            }
            catch (MessageChannelClosedException) when (ending == Ending.Deadline)
            {
                // It came before the message.
            }

            await opened.Closed.WaitAsync(Token);
            await opened.DisposeAsync();
            await mate.SendAsync(new byte[] { 1 }, Token);
            await reading;
        }
    }

    [Theory(Timeout = 60_000), MemberData(nameof(EarlyEnds))]
    public async Task SendAsync_ServerEndsTheCallEarly_FailsAndWhatCameBeforeIsReceived(GrpcStatusCode code, int answers)
    {
        for (var round = 0; round < 20; round++)
        {
            await using var server = await ScriptedServer.StartAsync(context => AnswerEarlyAsync(context, code, answers));
            using var transport = new GrpcTransport();
            await using var channel = await transport.ConnectAsync(server.Address, Token);

            // Nobody receives before the sending has failed.
            var send = async () =>
            {
                while (true)
                {
                    await channel.SendAsync(new byte[10_000], Token);
                }
            };
            await send.Should().ThrowAsync<MessageChannelClosedException>();
            (await channel.Closed.WaitAsync(Token)).ProtocolErrorCode.Should().Be((long)code, "the channel looks for the call's end, though nobody receives");

            for (var i = 0; i < answers; i++)
            {
                (await channel.ReceiveAsync(Token))!.Value.ToArray().Should().Equal((byte)i);
            }

            await ExpectEndAsync(channel, code);
        }
    }

    [Theory(Timeout = 60_000), MemberData(nameof(EarlyEnds))]
    public async Task SendAsync_ServerEndsTheCallEarlyWhileAReceiverIsBusy_FailsAllTheSame(GrpcStatusCode code, int answers)
    {
        await using var server = await ScriptedServer.StartAsync(context => AnswerEarlyAsync(context, code, Math.Max(answers, 1)));
        using var transport = new GrpcTransport();
        await using var channel = await transport.ConnectAsync(server.Address, Token);
        var first = channel.ReceiveAsync(Token);
        await channel.SendAsync(new byte[1], Token);
        (await first)!.Value.ToArray().Should().Equal(0);

        // The receiver has its first message, and comes back only when the sender is done.
        var send = async () =>
        {
            while (true)
            {
                await channel.SendAsync(new byte[10_000], Token);
            }
        };
        await send.Should().ThrowAsync<MessageChannelClosedException>();

        for (var i = 1; i < answers; i++)
        {
            (await channel.ReceiveAsync(Token))!.Value.ToArray().Should().Equal((byte)i);
        }

        await ExpectEndAsync(channel, code);
    }

    [Theory(Timeout = 60_000)]
    [InlineData(ChannelCloseStatus.Normal, "")]
    [InlineData(ChannelCloseStatus.GoingAway, "")]
    [InlineData(ChannelCloseStatus.InternalError, "")]
    [InlineData(ChannelCloseStatus.PolicyViolation, "/a.B/C")]
    [InlineData(ChannelCloseStatus.Normal, "/a.B/C")]
    public async Task CloseAsync_ServerWhileTheClientSends_ClientReceivesAllMessagesAndThenTheStatus(ChannelCloseStatus status, string path)
    {
        for (var round = 0; round < 20; round++)
        {
            await using var pair = await GrpcPair.OpenAsync(path: path);
            var sending = Task.Run(
                async () =>
                {
                    while (true)
                    {
                        await pair.Client.SendAsync(new byte[100], Token);
                    }
                },
                Token);
            for (var i = 0; i < 40; i++)
            {
                await pair.Server.SendAsync(new byte[] { (byte)i }, Token);
            }

            await pair.Server.CloseAsync(status, cancellationToken: Token);

            for (var i = 0; i < 40; i++)
            {
                (await pair.Client.ReceiveAsync(Token))!.Value.ToArray().Should().Equal((byte)i);
            }

            var receive = async () => await pair.Client.ReceiveAsync(Token);
            if (status is ChannelCloseStatus.Normal or ChannelCloseStatus.GoingAway)
            {
                (await receive()).Should().BeNull();
            }
            else
            {
                await receive.Should().ThrowAsync<MessageChannelClosedException>();
            }

            (await pair.Client.Closed).Should().BeEquivalentTo(new { Status = status, IsRemote = true });
            var send = () => sending;
            await send.Should().ThrowAsync<MessageChannelClosedException>();
        }
    }

    // The connection may end before anybody has looked at the answer; what was received on it stays.
    [Fact(Timeout = 60_000)]
    public async Task Receive_ConnectionEndsBehindAnAnswerThatWasNotLookedAt_IsReceivedAllTheSame()
    {
        for (var round = 0; round < 50; round++)
        {
            await using var server = new RawHttp2Server();
            using var transport = new GrpcTransport();
            var connecting = transport.ConnectAsync(server.Address, Token).AsTask();
            var connection = await server.AcceptAsync();
            var stream = await connection.ReadRequestAsync();
            await using var channel = await connecting;
            await connection.HeadersAsync(stream, isEnd: false, s_headers);
            await channel.GetFeature<IGrpcClientCallFeature>()!.ResponseHeaders.WaitAsync(Token);
            await connection.DataAsync(stream, 0, 0, 0, 0, 1, 7);
            await connection.HeadersAsync(stream, isEnd: true, ("grpc-status", "0"));
            await connection.ResetAsync(stream, code: 0);
            await connection.GoAwayAsync(stream);
            await connection.DisposeAsync();
            await server.DisposeAsync();

            (await channel.ReceiveAsync(Token))!.Value.ToArray().Should().Equal(7);
            (await channel.ReceiveAsync(Token)).Should().BeNull();
            (await channel.Closed).Status.Should().Be(ChannelCloseStatus.Normal);
        }
    }

    private static async Task ExpectEndAsync(IMessageChannel channel, GrpcStatusCode code)
    {
        if (code == GrpcStatusCode.OK)
        {
            (await channel.ReceiveAsync(Token)).Should().BeNull();
        }
        else
        {
            var receive = async () => await channel.ReceiveAsync(Token);
            (await receive.Should().ThrowAsync<MessageChannelClosedException>()).Which.CloseInfo.ProtocolErrorCode.Should().Be((long)code);
        }

        (await channel.Closed).ProtocolErrorCode.Should().Be((long)code);
        channel.GetFeature<IGrpcClientCallFeature>()!.Status!.Value.Code.Should().Be(code);
    }

    private static async Task AnswerEarlyAsync(HttpContext context, GrpcStatusCode code, int answers)
    {
        context.Response.ContentType = "application/grpc";
        await context.Request.BodyReader.ReadAsync();
        for (var i = 0; i < answers; i++)
        {
            await context.Response.BodyWriter.WriteAsync(new byte[] { 0, 0, 0, 0, 1, (byte)i });
        }

        await context.Response.BodyWriter.FlushAsync();
        context.Response.AppendTrailer("grpc-status", ((int)code).ToString(System.Globalization.CultureInfo.InvariantCulture));
    }

    // Reads until the mate has sent, and looks that no stream goes on behind its reset.
    private static async Task ReadToMateAsync(RawHttp2Server.Connection connection, int mate, HashSet<int> reset)
    {
        while (true)
        {
            var (type, stream, _) = await connection.ReadFrameAsync();
            if (type == RawHttp2Server.Connection.Reset)
            {
                reset.Add(stream);
            }
            else if (type == RawHttp2Server.Connection.Data)
            {
                if (stream == mate)
                {
                    return;
                }

                reset.Should().NotContain(stream, "DATA on a stream that was reset is a connection error");
            }
        }
    }
}
