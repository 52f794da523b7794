namespace Transports.Grpc.Tests;

public class GrpcCallTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Metadata_TextAndBinary_ReachesTheOtherSideInHeadersAndTrailers()
    {
        var call = new GrpcCallOptions();
        call.Headers.Add("Tenant", "acme");
        call.Headers.Add("trace-bin", new byte[] { 0, 255, 7 });
        var options = new GrpcTransportOptions();
        options.Headers.Add("agent", "tests");
        await using var pair = await GrpcPair.OpenAsync(options, call: call);
        var server = pair.Server.GetFeature<IGrpcServerCallFeature>()!;

        server.RequestHeaders.GetValue("tenant").Should().Be("acme");
        server.RequestHeaders.GetValue("agent").Should().Be("tests");
        server.RequestHeaders.TryGetBinaryValue("trace-bin", out var bytes).Should().BeTrue();
        bytes.ToArray().Should().Equal(0, 255, 7);
        server.ResponseHeaders.Add("region", "north");
        server.ResponseTrailers.Add("cost-bin", new byte[] { 1 });
        await server.SendHeadersAsync(Token);
        var client = pair.Client.GetFeature<IGrpcClientCallFeature>()!;
        (await client.ResponseHeaders.WaitAsync(Token)).GetValue("region").Should().Be("north");
        client.Status.Should().BeNull();

        await pair.Server.CloseAsync(cancellationToken: Token);

        (await pair.Client.ReceiveAsync(Token)).Should().BeNull();
        client.Status.Should().Be(new GrpcStatus(GrpcStatusCode.OK));
        client.ResponseTrailers!.TryGetBinaryValue("cost-bin", out var cost).Should().BeTrue();
        cost.ToArray().Should().Equal(1);
    }

    [Fact]
    public async Task SetStatus_BeforeANormalClose_IsWhatTheClientGets()
    {
        await using var pair = await GrpcPair.OpenAsync(path: "/shop.Orders/Get");
        pair.Server.GetFeature<IGrpcServerCallFeature>()!.SetStatus(GrpcStatusCode.NotFound, "Bestellung ü fehlt");

        await pair.Server.CloseAsync(cancellationToken: Token);

        var receive = async () => await pair.Client.ReceiveAsync(Token);
        (await receive.Should().ThrowAsync<MessageChannelClosedException>()).Which.CloseInfo.Should().BeEquivalentTo(
            new { Status = ChannelCloseStatus.PolicyViolation, Description = "Bestellung ü fehlt", ProtocolErrorCode = 5L });
        pair.Client.GetFeature<IGrpcClientCallFeature>()!.Status.Should().Be(new GrpcStatus(GrpcStatusCode.NotFound, "Bestellung ü fehlt"));
    }

    [Fact]
    public async Task Timeout_InfiniteForOneCall_HasNoDeadlineThoughTheOptionsHave()
    {
        await using var pair = await GrpcPair.OpenAsync(
            new GrpcTransportOptions { Timeout = TimeSpan.FromHours(1) },
            call: new GrpcCallOptions { Timeout = System.Threading.Timeout.InfiniteTimeSpan });

        pair.Server.GetFeature<IGrpcServerCallFeature>()!.Deadline.Should().BeNull();
    }

    [Fact]
    public void Validate_InfiniteTimes_AreAllowed()
    {
        var options = new GrpcTransportOptions
        {
            Timeout = System.Threading.Timeout.InfiniteTimeSpan,
            KeepAliveInterval = System.Threading.Timeout.InfiniteTimeSpan,
            KeepAliveTimeout = System.Threading.Timeout.InfiniteTimeSpan,
        };

        options.Invoking(static options => options.Validate()).Should().NotThrow();
        using var transport = new GrpcTransport(options);
    }

    [Fact]
    public async Task Timeout_Passed_EndsBothSidesWithTimedOut()
    {
        await using var pair = await GrpcPair.OpenAsync(call: new GrpcCallOptions { Timeout = TimeSpan.FromMilliseconds(200) });

        pair.Server.GetFeature<IGrpcServerCallFeature>()!.Deadline.Should().NotBeNull();

        (await pair.Client.Closed.WaitAsync(Token)).Should().BeEquivalentTo(
            new { Status = ChannelCloseStatus.TimedOut, ProtocolErrorCode = (long)GrpcStatusCode.DeadlineExceeded });
        (await pair.Server.Closed.WaitAsync(Token)).Status.Should().BeOneOf(ChannelCloseStatus.TimedOut, ChannelCloseStatus.ConnectionLost);
    }

    [Fact]
    public async Task Gzip_BothSidesEnabled_MessagesArriveAndFewerBytesTravel()
    {
        await using var pair = await GrpcPair.OpenAsync(new GrpcTransportOptions { EnableCompression = true }, new KestrelTransportOptions { Grpc = { EnableCompression = true } });
        var large = new byte[500_000];
        large.AsSpan().Fill(42);

        await pair.Client.SendAsync(new Message(large, MessageKind.Text), Token);
        var received = (await pair.Server.ReceiveAsync(Token))!.Value;
        received.ToArray().Should().Equal(large);
        received.Kind.Should().Be(MessageKind.Text);
        await pair.Server.SendAsync(large, Token);

        (await pair.Client.ReceiveAsync(Token))!.Value.ToArray().Should().Equal(large);
    }

    [Fact]
    public async Task Gzip_ServerDisabled_ClientIsTold()
    {
        await using var server = await EchoServer.StartAsync();
        using var transport = new GrpcTransport(new GrpcTransportOptions { EnableCompression = true });
        await using var channel = await transport.ConnectAsync(server.Address, Token);

        var receive = async () => await channel.ReceiveAsync(Token);

        (await receive.Should().ThrowAsync<MessageChannelClosedException>()).Which.CloseInfo.ProtocolErrorCode.Should().Be((long)GrpcStatusCode.Unimplemented);
    }

    [Fact(Timeout = 30_000)]
    public async Task ConnectAsync_MoreCallsThanOneConnectionTakes_AllAreServed()
    {
        await using var server = await EchoServer.StartAsync(new KestrelTransportOptions { MaxStreamsPerConnection = 20 });
        using var transport = new GrpcTransport();
        const int Calls = 50;
        var open = 0;
        var served = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var all = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

        async Task CallAsync(int i)
        {
            try
            {
                await CallOnceAsync(i);
            }
            catch (Exception e)
            {
                // One that failed would leave the others waiting.
                all.TrySetException(e);
                throw;
            }
        }

        async Task CallOnceAsync(int i)
        {
            await using var channel = await transport.ConnectAsync(server.Address, Token);
            await channel.SendAsync(BitConverter.GetBytes(i), Token);
            BitConverter.ToInt32((await channel.ReceiveAsync(Token))!.Value.ToArray()).Should().Be(i);
            var count = Interlocked.Increment(ref open);
            if (count == 1)
            {
                served.SetResult();
            }

            if (count == Calls)
            {
                all.TrySetResult();
            }

            await all.Task.WaitAsync(Token);
        }

        // The first call learns the first connection's limit. On the next ones the client begins with too many, and those refused must find another.
        var first = CallAsync(0);
        await served.Task.WaitAsync(Token);
        await Task.WhenAll(Enumerable.Range(1, Calls - 1).Select(CallAsync).Append(first)).WaitAsync(Token);
    }

    [Theory]
    [InlineData("tcp://localhost:1")]
    [InlineData("grpc+http://localhost:1/onlyService")]
    [InlineData("grpc+http://localhost:1/a//c")]
    [InlineData("grpc+http://user:secret@localhost:1/a.B/C")]
    [InlineData("grpc+http://localhost:1/a.B/C?x=1")]
    public async Task ConnectAsync_NotAMethod_IsRefused(string address)
    {
        using var transport = new GrpcTransport();
        var connect = async () => await transport.ConnectAsync(new Uri(address), Token);
        (await connect.Should().ThrowAsync<ArgumentException>()).Which.Message.Should().NotContain("secret");
    }

    [Fact]
    public async Task SendAsync_ServerEndedCleanlyWhileNobodyReceived_AllItsMessagesCanStillBeReceived()
    {
        await using var pair = await GrpcPair.OpenAsync(path: "/a.B/C");
        for (var i = 0; i < 3; i++)
        {
            await pair.Server.SendAsync(new byte[] { (byte)i }, Token);
        }

        await pair.Server.CloseAsync(cancellationToken: Token);
        var sending = Task.Run(
            async () =>
            {
                while (true)
                {
                    await pair.Client.SendAsync(new byte[1024], Token);
                }
            },
            Token);

        for (var i = 0; i < 3; i++)
        {
            (await pair.Client.ReceiveAsync(Token))!.Value.ToArray().Should().Equal((byte)i);
        }

        (await pair.Client.ReceiveAsync(Token)).Should().BeNull();
        var failed = async () => await sending;
        (await failed.Should().ThrowAsync<MessageChannelClosedException>()).Which.CloseInfo.Status.Should().Be(ChannelCloseStatus.Normal);
    }
}
