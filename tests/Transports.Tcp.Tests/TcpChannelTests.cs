using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using static Transports.Tcp.Tests.Net;

namespace Transports.Tcp.Tests;

public sealed class TcpChannelTests
{
    public static TheoryData<string> Schemes => ["tcp", "tls", "unix"];

    [Theory]
    [InlineData("tcp://localhost:0")]
    [InlineData("tcp://127.0.0.1:0")]
    [InlineData("tcp://[::1]:0")]
    [InlineData("tcp://[::]:0")]
    public async Task Connect_AnyListeningAddress_CarriesMessages(string address)
    {
        var transport = new TcpTransport();
        await using var listener = await transport.ListenAsync(new Uri(address), Token);
        await using var client = await transport.ConnectAsync(listener.LocalAddress, Token);
        await using var server = (await listener.AcceptAsync(Token))!;
        await client.SendAsync(new byte[] { 1, 2, 3 }, Token);
        (await server.ReceiveAsync(Token))!.Value.ToArray().Should().Equal(1, 2, 3);
        listener.LocalAddress.Port.Should().BePositive();
    }

    [Theory]
    [MemberData(nameof(Schemes))]
    public async Task Echo_SizesUpToTheLimit_ComeBackWhole(string scheme)
    {
        await using var pair = await ConnectAsync(scheme);
        var echo = EchoAsync(pair.Server, Token);
        foreach (var size in (int[])[0, 1, 3, 4, 5, 4095, 4096, 16383, 16384, 16385, 65536, 100_000, 1024 * 1024])
        {
            var sent = RandomNumberGenerator.GetBytes(size);
            await pair.Client.SendAsync(sent, Token);
            (await pair.Client.ReceiveAsync(Token))!.Value.ToArray().Should().Equal(sent);
        }

        await pair.Client.CompleteSendingAsync(Token);
        (await pair.Client.ReceiveAsync(Token)).Should().BeNull();
        await echo;
    }

    [Theory]
    [MemberData(nameof(Schemes))]
    public async Task CompleteSending_PeerGoesOnSending_BothDirectionsInTurn(string scheme)
    {
        foreach (var clientFirst in (bool[])[true, false])
        {
            await using var pair = await ConnectAsync(scheme);
            var (first, second) = clientFirst ? (pair.Client, pair.Server) : (pair.Server, pair.Client);
            first.Characteristics.SupportsHalfClose.Should().BeTrue();
            await first.SendAsync("last"u8.ToArray(), Token);
            await first.CompleteSendingAsync(Token);
            (await second.ReceiveAsync(Token))!.Value.GetText().Should().Be("last");
            (await second.ReceiveAsync(Token)).Should().BeNull();
            for (var i = 0; i < 100; i++)
            {
                await second.SendAsync(BitConverter.GetBytes(i), Token);
            }

            await second.CompleteSendingAsync(Token);
            for (var i = 0; i < 100; i++)
            {
                (await first.ReceiveAsync(Token))!.Value.ToArray().Should().Equal(BitConverter.GetBytes(i));
            }

            (await first.ReceiveAsync(Token)).Should().BeNull();
        }
    }

    [Theory]
    [InlineData("tcp")]
    [InlineData("tls")]
    public async Task Abort_WhileThePeerReceives_IsConnectionLost(string scheme)
    {
        await using var pair = await ConnectAsync(scheme);
        var receiving = pair.Server.ReceiveAsync(Token).AsTask();
        pair.Client.Abort();
        var error = await receiving.Invoking(task => task).Should().ThrowAsync<MessageChannelClosedException>();
        error.Which.CloseInfo.Status.Should().Be(ChannelCloseStatus.ConnectionLost);
        error.Which.CloseInfo.IsRemote.Should().BeTrue();
        (await pair.Server.Closed).Status.Should().Be(ChannelCloseStatus.ConnectionLost);
        (await pair.Client.Closed).Status.Should().Be(ChannelCloseStatus.Aborted);
    }

    [Theory]
    [MemberData(nameof(Schemes))]
    public async Task Close_PeerReceives_NullAndNormal(string scheme)
    {
        await using var pair = await ConnectAsync(scheme);
        await pair.Client.CloseAsync(cancellationToken: Token);
        (await pair.Server.ReceiveAsync(Token)).Should().BeNull();
        await pair.Server.CloseAsync(cancellationToken: Token);
        var end = await pair.Server.Closed;
        end.Status.Should().Be(ChannelCloseStatus.Normal);
        end.IsRemote.Should().BeTrue();
    }

    [Theory]
    [MemberData(nameof(Schemes))]
    public async Task Close_WithUnreadInput_LosesNothingOfItsOwn(string scheme)
    {
        await using var pair = await ConnectAsync(scheme);
        var payload = RandomNumberGenerator.GetBytes(64 * 1024);

        // The client never reads these; the server has more in flight while the client closes.
        var serverSends = SendManyAsync(pair.Server, payload);
        for (var i = 0; i < 4; i++)
        {
            await pair.Client.SendAsync(payload, Token);
        }

        var closing = pair.Client.CloseAsync(cancellationToken: Token);
        for (var i = 0; i < 4; i++)
        {
            (await pair.Server.ReceiveAsync(Token))!.Value.ToArray().Should().Equal(payload);
        }

        (await pair.Server.ReceiveAsync(Token)).Should().BeNull();
        await closing;
        await serverSends;

        static async Task SendManyAsync(IMessageChannel channel, byte[] payload)
        {
            for (var i = 0; i < 16; i++)
            {
                await channel.SendAsync(payload, Token);
            }
        }
    }

    [Fact]
    public async Task Receive_PeerEndsInsideAFrame_FramingError()
    {
        await using var listener = await new TcpTransport().ListenAsync(ListenAddress("tcp"), Token);
        using var raw = await ConnectRawAsync(listener.LocalAddress);
        await using var server = (await listener.AcceptAsync(Token))!;
        await raw.SendAsync(new byte[] { 0, 0, 0, 10, 1, 2, 3 }, Token);
        raw.Shutdown(SocketShutdown.Send);
        await server.Awaiting(channel => channel.ReceiveAsync(Token).AsTask()).Should().ThrowAsync<MessageFramingException>();
        (await server.Closed).Status.Should().Be(ChannelCloseStatus.ProtocolError);
    }

    [Fact]
    public async Task Receive_PeerKilledInsideAFrame_ConnectionLost()
    {
        await using var listener = await new TcpTransport().ListenAsync(ListenAddress("tcp"), Token);
        using var raw = await ConnectRawAsync(listener.LocalAddress);
        await using var server = (await listener.AcceptAsync(Token))!;
        var receiving = server.ReceiveAsync(Token).AsTask();
        await raw.SendAsync(new byte[] { 0, 0, 0, 10, 1, 2, 3 }, Token);
        SocketAbort.Reset(raw);
        var error = await receiving.Invoking(task => task).Should().ThrowAsync<MessageChannelClosedException>();
        error.Which.CloseInfo.Status.Should().Be(ChannelCloseStatus.ConnectionLost);
        error.Which.CloseInfo.ProtocolErrorCode.Should().Be((long)SocketError.ConnectionReset);
    }

    [Fact]
    public async Task GetFeature_Socket_HasTheEndPoints()
    {
        await using var pair = await ConnectAsync("tcp");
        var client = pair.Client.GetFeature<IConnectionEndPointFeature>()!;
        var server = pair.Server.GetFeature<IConnectionEndPointFeature>()!;
        client.LocalEndPoint.Should().Be(server.RemoteEndPoint);
        client.RemoteEndPoint.Should().Be(server.LocalEndPoint).And.BeOfType<IPEndPoint>();
        pair.Client.GetFeature<ITlsFeature>().Should().BeNull();
        pair.Server.RemoteAddress.Should().Be(new Uri($"tcp://{client.LocalEndPoint}"));
    }

    [Theory]
    [MemberData(nameof(Schemes))]
    public async Task CancelledReceive_ConnectionGoesOn(string scheme)
    {
        await using var pair = await ConnectAsync(scheme);
        for (var i = 0; i < 20; i++)
        {
            using var cancel = new CancellationTokenSource();
            var receiving = pair.Server.ReceiveAsync(cancel.Token).AsTask();
            await cancel.CancelAsync();
            await receiving.Invoking(task => task).Should().ThrowAsync<OperationCanceledException>();
        }

        await pair.Client.SendAsync("still here"u8.ToArray(), Token);
        (await pair.Server.ReceiveAsync(Token))!.Value.GetText().Should().Be("still here");
    }
}
