namespace Transports.Grpc.Tests;

public class GrpcChannelTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task SendAsync_EchoServer_MessagesComeBackWithTheirKind()
    {
        await using var pair = await GrpcPair.OpenAsync();

        await pair.Client.SendAsync(Message.FromText("hällo"), Token);
        (await pair.Server.ReceiveAsync(Token))!.Value.GetText().Should().Be("hällo");
        await pair.Server.SendAsync(new byte[] { 1, 2, 3 }, Token);
        var answer = (await pair.Client.ReceiveAsync(Token))!.Value;

        answer.Kind.Should().Be(MessageKind.Binary);
        answer.ToArray().Should().Equal(1, 2, 3);
    }

    [Fact]
    public async Task SendAsync_Text_KindArrives()
    {
        await using var pair = await GrpcPair.OpenAsync();

        await pair.Client.SendAsync(Message.FromText(""), Token);

        (await pair.Server.ReceiveAsync(Token))!.Value.Kind.Should().Be(MessageKind.Text);
    }

    [Fact]
    public async Task CompleteSendingAsync_Client_ServerReadsToTheEndAndGoesOn()
    {
        await using var pair = await GrpcPair.OpenAsync();

        await pair.Client.SendAsync(new byte[] { 7 }, Token);
        await pair.Client.CompleteSendingAsync(Token);
        (await pair.Server.ReceiveAsync(Token))!.Value.ToArray().Should().Equal(7);
        (await pair.Server.ReceiveAsync(Token)).Should().BeNull();
        await pair.Server.SendAsync(new byte[] { 8 }, Token);
        await pair.Server.CloseAsync(cancellationToken: Token);

        (await pair.Client.ReceiveAsync(Token))!.Value.ToArray().Should().Equal(8);
        (await pair.Client.ReceiveAsync(Token)).Should().BeNull();
        (await pair.Client.Closed).Should().BeEquivalentTo(new { Status = ChannelCloseStatus.Normal, IsRemote = true });
    }

    [Theory]
    [InlineData(ChannelCloseStatus.PolicyViolation, "Geht nicht: ü 100 %")]
    [InlineData(ChannelCloseStatus.InternalError, null)]
    [InlineData(ChannelCloseStatus.ProtocolError, "x")]
    [InlineData(ChannelCloseStatus.TimedOut, "late")]
    public async Task CloseAsync_ServerWithStatus_ReachesTheClient(ChannelCloseStatus status, string? description)
    {
        await using var pair = await GrpcPair.OpenAsync();

        await pair.Server.SendAsync(new byte[] { 1 }, Token);
        await pair.Server.CloseAsync(status, description, Token);

        (await pair.Client.ReceiveAsync(Token))!.Value.ToArray().Should().Equal(1);
        var receive = async () => await pair.Client.ReceiveAsync(Token);
        var closed = (await receive.Should().ThrowAsync<MessageChannelClosedException>()).Which.CloseInfo;
        closed.Should().BeEquivalentTo(new { Status = status, IsRemote = true, Description = description, ProtocolErrorCode = (long)CloseStatusMap.ToGrpc(status) });
        (await pair.Client.Closed).Should().Be(closed);
    }

    [Fact]
    public async Task CloseAsync_ServerGoingAway_IsACleanEnd()
    {
        await using var pair = await GrpcPair.OpenAsync();

        await pair.Server.CloseAsync(ChannelCloseStatus.GoingAway, "bye", Token);

        (await pair.Client.ReceiveAsync(Token)).Should().BeNull();
        (await pair.Client.Closed).Should().BeEquivalentTo(new { Status = ChannelCloseStatus.GoingAway, IsRemote = true, Description = "bye" });
    }

    [Fact]
    public async Task CloseAsync_Client_ServerReadsNullAndTheCallIsOver()
    {
        await using var pair = await GrpcPair.OpenAsync();

        await pair.Client.CloseAsync(cancellationToken: Token);

        (await pair.Server.ReceiveAsync(Token)).Should().BeNull();
        await pair.Server.CloseAsync(cancellationToken: Token);
    }

    [Fact]
    public async Task Abort_Client_ServerEndsAsLost()
    {
        await using var pair = await GrpcPair.OpenAsync();

        pair.Client.Abort();

        (await pair.Server.Closed.WaitAsync(Token)).Should().BeEquivalentTo(new { Status = ChannelCloseStatus.ConnectionLost, IsRemote = true });
    }

    [Fact]
    public async Task Abort_Server_ClientEndsAsLost()
    {
        await using var pair = await GrpcPair.OpenAsync();

        pair.Server.Abort();

        var receive = async () => await pair.Client.ReceiveAsync(Token);
        (await receive.Should().ThrowAsync<MessageChannelClosedException>())
            .Which.CloseInfo.Should().BeEquivalentTo(new { Status = ChannelCloseStatus.ConnectionLost, IsRemote = true, ProtocolErrorCode = (long)GrpcStatusCode.Cancelled });
    }

    [Fact]
    public async Task SendAsync_ManyBothWays_AllArriveInOrder()
    {
        await using var pair = await GrpcPair.OpenAsync();
        const int Count = 20_000;

        async Task SendAll(IMessageChannel channel)
        {
            for (var i = 0; i < Count; i++)
            {
                await channel.SendAsync(BitConverter.GetBytes(i), Token);
            }
        }

        async Task ReceiveAll(IMessageChannel channel)
        {
            for (var i = 0; i < Count; i++)
            {
                BitConverter.ToInt32((await channel.ReceiveAsync(Token))!.Value.ToArray()).Should().Be(i);
            }
        }

        await Task.WhenAll(SendAll(pair.Client), SendAll(pair.Server), ReceiveAll(pair.Client), ReceiveAll(pair.Server));
    }

    [Fact]
    public async Task ConnectAsync_NobodyListens_ThrowsTransportException()
    {
        using var transport = new GrpcTransport();
        Uri address;
        await using (var listener = await new KestrelTransport().ListenAsync(new Uri("grpc+http://localhost:0"), Token))
        {
            address = listener.LocalAddress;
        }

        var connect = async () => await transport.ConnectAsync(address, Token);

        (await connect.Should().ThrowAsync<TransportException>()).WithMessage("*Could not open a gRPC call*");
    }

    [Fact]
    public async Task ReceiveAsync_UnknownMethod_EndsWithUnimplemented()
    {
        using var transport = new GrpcTransport();
        await using var listener = await new KestrelTransport().ListenAsync(new Uri("grpc+http://localhost:0"), Token);
        await using var channel = await transport.ConnectAsync(new Uri(listener.LocalAddress, "/no.Such/Method"), Token);

        var receive = async () => await channel.ReceiveAsync(Token);

        (await receive.Should().ThrowAsync<MessageChannelClosedException>())
            .Which.CloseInfo.ProtocolErrorCode.Should().Be((long)GrpcStatusCode.Unimplemented);
    }
}
