using System.Net.WebSockets;
using System.Text;

namespace Transports.WebSockets.Tests;

public sealed class WebSocketChannelTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Messages_BothKindsAndSizes_ArriveWithTheirKind()
    {
        await using var pair = await Pair.OpenAsync();
        foreach (var size in new[] { 0, 1, 125, 126, 65_535, 65_536, 200_000 })
        {
            var payload = new byte[size];
            Array.Fill(payload, (byte)'a');
            foreach (var kind in new[] { MessageKind.Binary, MessageKind.Text })
            {
                await pair.Client.SendAsync(new Message(payload, kind), Token);
                await EchoOneAsync(pair.Server);
                var message = (await pair.Client.ReceiveAsync(Token))!.Value;
                message.Kind.Should().Be(kind);
                message.ToArray().Should().Equal(payload);
            }
        }
    }

    [Fact]
    public async Task Messages_Compressed_ArriveTheSame()
    {
        await using var pair = await Pair.OpenAsync(server => server.WebSockets.EnableCompression = true, client => client.EnableCompression = true);
        pair.Client.GetFeature<IWebSocketFeature>()!.IsCompressed.Should().BeTrue();
        foreach (var text in new[] { "short", new string('x', 100_000), "" })
        {
            await pair.Client.SendAsync(Message.FromText(text), Token);
            await EchoOneAsync(pair.Server);
            (await pair.Client.ReceiveAsync(Token))!.Value.GetText().Should().Be(text);
        }
    }

    [Fact]
    public async Task Compression_WantedByOneSideOnly_IsNotUsed()
    {
        await using var pair = await Pair.OpenAsync(client: client => client.EnableCompression = true);
        pair.Client.GetFeature<IWebSocketFeature>()!.IsCompressed.Should().BeFalse();
        await pair.Client.SendAsync(Message.FromText(new string('x', 1000)), Token);
        (await pair.Server.ReceiveAsync(Token))!.Value.Length.Should().Be(1000);
    }

    [Fact]
    public async Task Compression_SmallWindow_IsKeptByBothSides()
    {
        await using var pair = await Pair.OpenAsync(
            server => server.WebSockets.EnableCompression = true,
            client =>
            {
                client.EnableCompression = true;
                client.ConfigureRequest = static request =>
                {
                    request.Headers.Remove("Sec-WebSocket-Extensions");
                    request.Headers.TryAddWithoutValidation("Sec-WebSocket-Extensions", "permessage-deflate; server_no_context_takeover; server_max_window_bits=8");
                };
            });
        pair.Client.GetFeature<IWebSocketFeature>()!.IsCompressed.Should().BeTrue();
        foreach (var text in new[] { new string('x', 256), new string('x', 257), new string('x', 100_000) })
        {
            await pair.Client.SendAsync(Message.FromText(text), Token);
            await EchoOneAsync(pair.Server);
            (await pair.Client.ReceiveAsync(Token))!.Value.GetText().Should().Be(text);
        }
    }

    [Theory]
    [InlineData(8, 256, true)]
    [InlineData(8, 257, false)]
    [InlineData(10, 1024, true)]
    [InlineData(10, 1025, false)]
    [InlineData(15, 100_000, true)]
    public async Task Compression_MessageLargerThanTheWindow_IsSentAsItIs(int bits, int size, bool compressed)
    {
        var sent = new TaskCompletionSource<byte>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var server = RawServer.Start(async (stream, head) =>
        {
            await stream.WriteAsync(System.Text.Encoding.ASCII.GetBytes(
                $"HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {RawServer.AcceptOf(head)}\r\n"
                + $"Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_max_window_bits={bits}\r\n\r\n"));
            var first = new byte[1];
            await stream.ReadExactlyAsync(first);
            sent.SetResult(first[0]);
        });
        using var transport = new WebSocketTransport(new WebSocketTransportOptions { EnableCompression = true });
        var client = await transport.ConnectAsync(server.Address, Token);
        await client.SendAsync(Message.FromText(new string('x', size)), Token);
        (await sent.Task.WaitAsync(Token)).Should().Be(compressed ? (byte)0xC1 : (byte)0x81);
        client.Abort();
        await client.DisposeAsync();
    }

    [Fact]
    public async Task Compression_MessageThatInflatesOverTheLimit_IsRefused()
    {
        await using var pair = await Pair.OpenAsync(
            server =>
            {
                server.WebSockets.EnableCompression = true;
                server.MaxMessageSize = 1000;
            },
            client => client.EnableCompression = true);
        await pair.Client.SendAsync(new byte[1_000_000], Token);
        await FluentActions.Awaiting(async () => await pair.Server.ReceiveAsync(Token)).Should().ThrowAsync<MessageTooLargeException>();
        (await pair.EndOfClientAsync()).Status.Should().Be(ChannelCloseStatus.MessageTooLarge);
    }

    [Theory]
    [InlineData(ChannelCloseStatus.Normal, 1000)]
    [InlineData(ChannelCloseStatus.GoingAway, 1001)]
    [InlineData(ChannelCloseStatus.PolicyViolation, 1008)]
    [InlineData(ChannelCloseStatus.InternalError, 1011)]
    public async Task Close_Status_ReachesThePeerWithItsText(ChannelCloseStatus status, int code)
    {
        await using var pair = await Pair.OpenAsync();
        await pair.Server.CloseAsync(status, "why", Token);
        var end = await pair.EndOfClientAsync();
        end.Status.Should().Be(status);
        end.Description.Should().Be("why");
        end.ProtocolErrorCode.Should().Be(code);
    }

    [Fact]
    public async Task Close_LongDescription_IsCutBetweenCharacters()
    {
        await using var pair = await Pair.OpenAsync();
        await pair.Server.CloseAsync(ChannelCloseStatus.Normal, new string('ř', 500), Token);
        (await pair.EndOfClientAsync()).Description.Should().Be(new string('ř', 61));
    }

    [Fact]
    public async Task SubProtocol_OfferedAndSpoken_IsTheServersFavorite()
    {
        await using var pair = await Pair.OpenAsync(
            server =>
            {
                server.WebSockets.SubProtocols.Add("v2");
                server.WebSockets.SubProtocols.Add("v1");
            },
            client =>
            {
                client.SubProtocols.Add("v1");
                client.SubProtocols.Add("v2");
            });
        pair.Client.GetFeature<IWebSocketFeature>()!.SubProtocol.Should().Be("v2");
        pair.Server.GetFeature<IWebSocketFeature>()!.SubProtocol.Should().Be("v2");
    }

    [Fact]
    public async Task Receive_FromThePlatformsClientInFragments_IsOneMessage()
    {
        await using var pair = await Pair.ListenAsync();
        using var client = new ClientWebSocket();
        await client.ConnectAsync(pair.Address, Token);
        var server = (await pair.Listener.AcceptAsync(Token))!;
        await client.SendAsync("Hel"u8.ToArray(), WebSocketMessageType.Text, false, Token);
        await client.SendAsync("lo"u8.ToArray(), WebSocketMessageType.Text, true, Token);
        var message = (await server.ReceiveAsync(Token))!.Value;
        message.GetText().Should().Be("Hello");
        message.Kind.Should().Be(MessageKind.Text);
        await server.DisposeAsync();
        var buffer = new byte[10];
        (await client.ReceiveAsync(buffer, Token)).CloseStatus.Should().Be(WebSocketCloseStatus.NormalClosure);
    }

    [Fact]
    public async Task AsMessageChannel_OverThePlatformsWebSocket_IsAChannel()
    {
        await using var pair = await Pair.ListenAsync();
        var socket = new ClientWebSocket();
        await socket.ConnectAsync(pair.Address, Token);
        await using var client = socket.AsMessageChannel();
        await using var server = (await pair.Listener.AcceptAsync(Token))!;
        await client.SendAsync(Message.FromText("there"), Token);
        await EchoOneAsync(server);
        using (var giveUp = new CancellationTokenSource())
        {
            var message = (await client.ReceiveAsync(Token))!.Value;
            message.GetText().Should().Be("there");
            var cancelled = client.ReceiveAsync(giveUp.Token).AsTask();
            await giveUp.CancelAsync();
            await FluentActions.Awaiting(() => cancelled).Should().ThrowAsync<OperationCanceledException>();
        }

        await server.SendAsync(new byte[100_000], Token);
        (await client.ReceiveAsync(Token))!.Value.Length.Should().Be(100_000);
        await server.CloseAsync(ChannelCloseStatus.GoingAway, "bye", Token);
        (await client.ReceiveAsync(Token)).Should().BeNull();
        (await client.Closed).Status.Should().Be(ChannelCloseStatus.GoingAway);
    }

    [Fact]
    public async Task AsMessageChannel_OverThePlatformsWebSocket_CloseInsideAMessageIsNoEndInOrder()
    {
        await using var server = RawServer.Start(async (stream, head) =>
        {
            byte[] frames = [0x01, 0x01, (byte)'a', 0x88, 0x02, 0x03, 0xE8];
            await stream.WriteAsync((byte[])[
                .. System.Text.Encoding.ASCII.GetBytes($"HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {RawServer.AcceptOf(head)}\r\n\r\n"),
                .. frames]);
            await RawServer.ReadToEndAsync(stream);
        });
        var socket = new ClientWebSocket();
        await socket.ConnectAsync(server.Address, Token);
        await using var client = socket.AsMessageChannel();
        await FluentActions.Awaiting(async () => await client.ReceiveAsync(Token)).Should().ThrowAsync<MessageChannelClosedException>();
        var end = await client.Closed;
        end.Status.Should().Be(ChannelCloseStatus.ProtocolError);
        end.ProtocolErrorCode.Should().Be(1000);
    }

    [Fact]
    public async Task AsMessageChannel_OverThePlatformsWebSocket_LongDescriptionIsCutBetweenCharacters()
    {
        await using var pair = await Pair.ListenAsync();
        var socket = new ClientWebSocket();
        await socket.ConnectAsync(pair.Address, Token);
        await using var client = socket.AsMessageChannel();
        await using var server = (await pair.Listener.AcceptAsync(Token))!;
        var closing = client.CloseAsync(ChannelCloseStatus.Normal, new string('ř', 40) + string.Concat(Enumerable.Repeat("😀", 50)), Token).AsTask();
        (await server.ReceiveAsync(Token)).Should().BeNull();
        await closing;
        (await server.Closed).Description.Should().Be(new string('ř', 40) + string.Concat(Enumerable.Repeat("😀", 10)));
    }

    [Fact]
    public async Task Connect_NobodyListens_IsATransportException()
    {
        Uri address;
        await using (var pair = await Pair.ListenAsync())
        {
            address = pair.Address;
        }

        await FluentActions.Awaiting(async () => await new WebSocketTransport().ConnectAsync(address, Token)).Should().ThrowAsync<TransportException>();
    }

    private static async Task EchoOneAsync(IMessageChannel channel)
    {
        var message = (await channel.ReceiveAsync(Token))!.Value;
        await channel.SendAsync(message, Token);
    }
}
