namespace Transports.Grpc.Tests;

/// <summary>What HTTP/2 allows a server and web servers seldom do.</summary>
public class RawHttp2Tests
{
    private static readonly (string, string)[] s_headers = [(":status", "200"), ("content-type", "application/grpc")];
    private static readonly byte[] s_message = [0, 0, 0, 0, 1, 7];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact(Timeout = 60_000)]
    public async Task GoAway_WithACallInProgress_TheCallGoesOnAndTheNextHasANewConnection()
    {
        await using var server = new RawHttp2Server();
        using var transport = new GrpcTransport();
        var (first, stream, opened) = await OpenAsync(server, transport);
        await using var channel = opened;
        await first.HeadersAsync(stream, isEnd: false, s_headers);

        await first.GoAwayAsync(stream);
        await first.DataAsync(stream, s_message);

        (await channel.ReceiveAsync(Token))!.Value.ToArray().Should().Equal(7);
        var again = transport.ConnectAsync(server.Address, Token).AsTask();
        var second = await server.AcceptAsync();
        var other = await second.ReadRequestAsync();
        await using var next = await again;
        await second.HeadersAsync(other, isEnd: true, [.. s_headers, ("grpc-status", "0")]);
        (await next.ReceiveAsync(Token)).Should().BeNull();
        await first.HeadersAsync(stream, isEnd: true, ("grpc-status", "0"));
        (await channel.ReceiveAsync(Token)).Should().BeNull();
    }

    [Fact(Timeout = 60_000)]
    public async Task GoAway_BeforeTheCallWasSeen_TheCallIsSentAgain()
    {
        await using var server = new RawHttp2Server();
        using var logs = new LogKeeper();
        using var transport = new GrpcTransport(null, logs);
        var (first, _, opened) = await OpenAsync(server, transport);
        await using var channel = opened;
        await channel.SendAsync(new byte[] { 1, 2, 3 }, Token);

        await first.GoAwayAsync(lastStream: 0);

        var second = await server.AcceptAsync();
        var stream = await second.ReadRequestAsync();
        await second.HeadersAsync(stream, isEnd: false, s_headers);
        await second.DataAsync(stream, s_message);
        (await channel.ReceiveAsync(Token))!.Value.ToArray().Should().Equal(7);
        await second.HeadersAsync(stream, isEnd: true, ("grpc-status", "0"));
        (await channel.ReceiveAsync(Token)).Should().BeNull();
        logs.Entries.Should().Contain(static entry => entry.Id == 7000);
    }

    [Fact(Timeout = 60_000)]
    public async Task Reset_AfterTheCallWasSentAgain_FailsASenderThatNeverReceives()
    {
        await using var server = new RawHttp2Server();
        using var transport = new GrpcTransport();
        var (first, _, opened) = await OpenAsync(server, transport);
        await using var channel = opened;
        await channel.SendAsync(new byte[] { 1 }, Token);
        await first.GoAwayAsync(lastStream: 0);
        var second = await server.AcceptAsync();
        var stream = await second.ReadRequestAsync();
        await second.HeadersAsync(stream, isEnd: false, s_headers);
        await second.ReadDataAsync(6);

        await second.ResetAsync(stream, code: 2);

        // The first may be out before the reset is in.
        var send = async () =>
        {
            for (var i = 0; i < 100; i++)
            {
                await channel.SendAsync(new byte[] { 2 }, Token);
                await channel.FlushAsync(Token);
                await Task.Delay(10, Token);
            }
        };
        (await send.Should().ThrowAsync<MessageChannelClosedException>()).Which.CloseInfo.ProtocolErrorCode.Should().Be((long)GrpcStatusCode.Internal);
    }

    [Fact(Timeout = 60_000)]
    public async Task Headers_WhileWhatIsSentAgainWaitsForItsWindow_TheNextMessageComesBehindIt()
    {
        await using var server = new RawHttp2Server();
        using var transport = new GrpcTransport();
        var (first, _, opened) = await OpenAsync(server, transport);
        await using var channel = opened;
        byte[] one = [.. Enumerable.Repeat((byte)1, 100)];
        byte[] two = [.. Enumerable.Repeat((byte)2, 100)];
        await channel.SendAsync(one, Token);
        await channel.FlushAsync(Token);
        await first.GoAwayAsync(lastStream: 0);
        var second = await server.AcceptAsync(streamWindow: 10);
        var stream = await second.ReadRequestAsync();
        var received = new List<byte>(await second.ReadDataAsync(10));
        await second.HeadersAsync(stream, isEnd: false, s_headers);
        await channel.GetFeature<IGrpcClientCallFeature>()!.ResponseHeaders.WaitAsync(Token);

        await channel.SendAsync(two, Token);

        while (received.Count < 210)
        {
            await second.WindowUpdateAsync(stream, 20);
            received.AddRange(await second.ReadDataAsync(20));
        }

        received.Should().Equal([0, 0, 0, 0, 100, .. one, 0, 0, 0, 0, 100, .. two]);
    }

    [Fact(Timeout = 60_000)]
    public async Task Reset_WhileNobodyReceivesAnyMore_FailsTheSender()
    {
        await using var server = new RawHttp2Server();
        for (var i = 0; i < 20; i++)
        {
            using var transport = new GrpcTransport();
            var (connection, stream, opened) = await OpenAsync(server, transport, streamWindow: 0);
            await using var channel = opened;
            await connection.HeadersAsync(stream, isEnd: false, s_headers);
            await channel.GetFeature<IGrpcClientCallFeature>()!.ResponseHeaders.WaitAsync(Token);
            using var impatient = new CancellationTokenSource(10);
            var receive = async () => await channel.ReceiveAsync(impatient.Token);
            await receive.Should().ThrowAsync<OperationCanceledException>();
            await channel.SendAsync(new byte[] { 1 }, Token);

            await connection.ResetAsync(stream, code: 2);

            var flush = async () => await channel.FlushAsync(Token).AsTask().WaitAsync(TimeSpan.FromSeconds(10), Token);
            (await flush.Should().ThrowAsync<MessageChannelClosedException>()).Which.CloseInfo.ProtocolErrorCode.Should().Be((long)GrpcStatusCode.Internal);
        }
    }

    [Fact(Timeout = 60_000)]
    public async Task Informational_103And100BeforeTheAnswer_AreIgnored()
    {
        await using var server = new RawHttp2Server();
        using var transport = new GrpcTransport();
        var (connection, stream, opened) = await OpenAsync(server, transport);
        await using var channel = opened;

        await connection.HeadersAsync(stream, isEnd: false, (":status", "103"), ("link", "</style.css>"), ("grpc-status", "13"));
        await connection.HeadersAsync(stream, isEnd: false, (":status", "100"));
        await connection.HeadersAsync(stream, isEnd: false, s_headers);
        await connection.DataAsync(stream, s_message);
        await connection.HeadersAsync(stream, isEnd: true, ("grpc-status", "0"));

        (await channel.ReceiveAsync(Token))!.Value.ToArray().Should().Equal(7);
        (await channel.ReceiveAsync(Token)).Should().BeNull();
        (await channel.Closed).Status.Should().Be(ChannelCloseStatus.Normal);
    }

    [Theory(Timeout = 60_000)]
    [InlineData(0x2, GrpcStatusCode.Internal, ChannelCloseStatus.InternalError)]
    [InlineData(0x8, GrpcStatusCode.Cancelled, ChannelCloseStatus.ConnectionLost)]
    [InlineData(0xb, GrpcStatusCode.ResourceExhausted, ChannelCloseStatus.MessageTooLarge)]
    [InlineData(0xc, GrpcStatusCode.PermissionDenied, ChannelCloseStatus.PolicyViolation)]
    public async Task Reset_InsideTheAnswer_HasTheMeaningOfItsCode(int code, GrpcStatusCode expected, ChannelCloseStatus status)
    {
        await using var server = new RawHttp2Server();
        using var transport = new GrpcTransport();
        var (connection, stream, opened) = await OpenAsync(server, transport);
        await using var channel = opened;
        await connection.HeadersAsync(stream, isEnd: false, s_headers);
        await connection.DataAsync(stream, s_message);
        (await channel.ReceiveAsync(Token)).Should().NotBeNull();

        await connection.ResetAsync(stream, code);

        var receive = async () => await channel.ReceiveAsync(Token);
        (await receive.Should().ThrowAsync<MessageChannelClosedException>()).Which.CloseInfo.Should().BeEquivalentTo(
            new { Status = status, ProtocolErrorCode = (long)expected, IsRemote = true });
    }

    [Fact(Timeout = 60_000)]
    public async Task GoAway_ConnectionClosedBeforeTheAnswer_IsUnavailable()
    {
        await using var server = new RawHttp2Server();
        using var transport = new GrpcTransport();
        var (connection, stream, opened) = await OpenAsync(server, transport);
        await using var channel = opened;
        await connection.HeadersAsync(stream, isEnd: false, s_headers);
        await channel.GetFeature<IGrpcClientCallFeature>()!.ResponseHeaders.WaitAsync(Token);

        await connection.GoAwayAsync(stream);
        await connection.DisposeAsync();

        var receive = async () => await channel.ReceiveAsync(Token);
        (await receive.Should().ThrowAsync<MessageChannelClosedException>()).Which.CloseInfo.Should().BeEquivalentTo(
            new { Status = ChannelCloseStatus.ConnectionLost, ProtocolErrorCode = (long)GrpcStatusCode.Unavailable, IsRemote = true });
        channel.GetFeature<IGrpcClientCallFeature>()!.Status!.Value.Code.Should().Be(GrpcStatusCode.Unavailable);
    }

    // Each code that a gRPC program decides by, for ends that no trailers tell.
    [Theory(Timeout = 60_000)]
    [InlineData("reset", GrpcStatusCode.ResourceExhausted)]
    [InlineData("cut", GrpcStatusCode.Unavailable)]
    [InlineData("too large", GrpcStatusCode.ResourceExhausted)]
    [InlineData("bad frame", GrpcStatusCode.Internal)]
    [InlineData("abort", GrpcStatusCode.Cancelled)]
    public async Task Status_EndWithoutTrailers_HasTheCodeOfGrpc(string ending, GrpcStatusCode expected)
    {
        await using var server = new RawHttp2Server();
        using var transport = new GrpcTransport(new GrpcTransportOptions { MaxMessageSize = 1000 });
        var (connection, stream, opened) = await OpenAsync(server, transport);
        await using var channel = opened;
        await connection.HeadersAsync(stream, isEnd: false, s_headers);
        await channel.GetFeature<IGrpcClientCallFeature>()!.ResponseHeaders.WaitAsync(Token);
        switch (ending)
        {
            case "reset":
                await connection.ResetAsync(stream, code: 0xb);
                break;
            case "cut":
                await connection.DisposeAsync();
                break;
            case "too large":
                await connection.DataAsync(stream, 0, 0, 0, 4, 0);
                break;
            case "bad frame":
                await connection.DataAsync(stream, 9, 9, 9, 9, 9);
                break;
            default:
                channel.Abort();
                break;
        }

        var receive = async () => await channel.ReceiveAsync(Token);

        await receive.Should().ThrowAsync<Exception>();
        channel.GetFeature<IGrpcClientCallFeature>()!.Status!.Value.Code.Should().Be(expected);
    }

    [Fact(Timeout = 60_000)]
    public async Task ConnectAsync_ConnectionsDieMeanwhile_ThrowsWhatIsDocumented()
    {
        await using var server = new RawHttp2Server();
        using var transport = new GrpcTransport();
        using var stop = new CancellationTokenSource();
        var killing = Task.Run(
            async () =>
            {
                while (!stop.IsCancellationRequested)
                {
                    var connection = await server.AcceptAsync();
                    await connection.GoAwayAsync(lastStream: 0, code: 2);
                    await connection.DisposeAsync();
                }
            },
            Token);
        for (var i = 0; i < 300; i++)
        {
            try
            {
                await using var channel = await transport.ConnectAsync(server.Address, Token);
                channel.Abort();
            }
            catch (TransportException)
            {
            }
        }

        await stop.CancelAsync();
        await server.DisposeAsync();
        await Task.WhenAny(killing);
    }

    [Fact(Timeout = 60_000)]
    public async Task ConnectionCut_InsideAMessage_IsLost()
    {
        await using var server = new RawHttp2Server();
        using var transport = new GrpcTransport();
        var (connection, stream, opened) = await OpenAsync(server, transport);
        await using var channel = opened;
        await connection.HeadersAsync(stream, isEnd: false, s_headers);
        await connection.DataAsync(stream, 0, 0, 0);

        await connection.DisposeAsync();

        var receive = async () => await channel.ReceiveAsync(Token);
        (await receive.Should().ThrowAsync<MessageChannelClosedException>()).Which.CloseInfo.Status.Should().Be(ChannelCloseStatus.ConnectionLost);
    }

    [Fact(Timeout = 60_000)]
    public async Task Window_OpenedWhileAMessageWaitsForIt_LetsTheMessageOutAtOnce()
    {
        await using var server = new RawHttp2Server();
        using var transport = new GrpcTransport();
        var (connection, stream, opened) = await OpenAsync(server, transport, streamWindow: 0);
        await using var channel = opened;
        byte[] message = [1, 2, 3, 4, 5, 6, 7, 8];
        byte[] frame = [0, 0, 0, 0, 8, .. message];
        await channel.SendAsync(message, Token);

        // Nothing more is sent meanwhile that could take these bytes along.
        await connection.WindowUpdateAsync(stream, 6);
        (await connection.ReadDataAsync(6)).Should().Equal(frame[..6]);
        await connection.WindowUpdateAsync(stream, 100);
        (await connection.ReadDataAsync(7)).Should().Equal(frame[6..]);
    }

    // A call that the server has seen and not answered. The connection is the server's to dispose.
    private static async Task<(RawHttp2Server.Connection Connection, int Stream, IMessageChannel Channel)> OpenAsync(
        RawHttp2Server server, GrpcTransport transport, int streamWindow = 65_535)
    {
        var connecting = transport.ConnectAsync(server.Address, Token).AsTask();
        var connection = await server.AcceptAsync(streamWindow);
        return (connection, await connection.ReadRequestAsync(), await connecting);
    }
}
