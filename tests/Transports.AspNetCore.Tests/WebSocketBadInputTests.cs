namespace Transports.AspNetCore.Tests;

/// <summary>What a hostile or broken WebSocket client sends: each is refused for what it is, and others are served on.</summary>
public sealed class WebSocketBadInputTests : IAsyncLifetime
{
    private IMessageListener _listener = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
        => _listener = await new KestrelTransport(new KestrelTransportOptions { MaxMessageSize = 1000 }).ListenAsync(new Uri("ws://localhost:0/ws"), Token);

    public async ValueTask DisposeAsync()
    {
        // Whatever was sent before, a good client is still served.
        var accepting = _listener.AcceptAsync(Token).AsTask();
        await using (var client = await new WebSocketTransport().ConnectAsync(_listener.LocalAddress, Token))
        {
            await using var server = (await accepting)!;
            await client.SendAsync("well"u8.ToArray(), Token);
            (await server.ReceiveAsync(Token))!.Value.GetText().Should().Be("well");
        }

        await _listener.DisposeAsync();
    }

    [Theory]
    [InlineData("Sec-WebSocket-Key", null, "400")]
    [InlineData("Sec-WebSocket-Key", "short", "400")]
    [InlineData("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZSB0b28gbG9uZw==", "400")]
    [InlineData("Sec-WebSocket-Version", "8", "426")]
    [InlineData("Sec-WebSocket-Version", null, "426")]
    [InlineData("Origin", "https://evil.example", "403")]
    [InlineData("Origin", "null", "403")]
    [InlineData("Upgrade", null, "426")]
    [InlineData("Connection", "close", "400")]
    public async Task Handshake_Wrong_IsRefusedWithAProblem(string header, string? value, string status)
    {
        await using var client = await RawClient.ConnectAsync(_listener.LocalAddress);
        var answer = await client.HandshakeAsync(_listener.LocalAddress, (header, value));
        answer.Should().StartWith($"HTTP/1.1 {status}").And.Contain("application/problem+json");
    }

    [Fact]
    public async Task Handshake_OfAPageOfThisHost_IsAccepted()
    {
        await using var client = await RawClient.ConnectAsync(_listener.LocalAddress);
        var answer = await client.HandshakeAsync(_listener.LocalAddress, ("Origin", $"http://{_listener.LocalAddress.Authority}"));
        answer.Should().StartWith("HTTP/1.1 101").And.Contain("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        await using var server = await _listener.AcceptAsync(Token);
    }

    [Theory]
    [InlineData(1009, new byte[] { 0x82, 0xFE, 0x7F, 0xFF, 0, 0, 0, 0 })] // 32 KiB declared, nothing sent
    [InlineData(1009, new byte[] { 0x82, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0 })] // 2^63-1 declared
    [InlineData(1009, new byte[] { 0x02, 0x81, 0, 0, 0, 0, 0x41, 0x80, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0 })] // 2^63-1 behind one byte
    [InlineData(1002, new byte[] { 0x82, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 })] // highest bit set
    [InlineData(1002, new byte[] { 0x82, 0x01, 0x41 })] // not masked
    [InlineData(1002, new byte[] { 0xC2, 0x81, 0, 0, 0, 0, 0x41 })] // compressed, not agreed
    [InlineData(1002, new byte[] { 0xA2, 0x81, 0, 0, 0, 0, 0x41 })] // RSV2
    [InlineData(1002, new byte[] { 0x83, 0x81, 0, 0, 0, 0, 0x41 })] // opcode 3
    [InlineData(1002, new byte[] { 0x80, 0x81, 0, 0, 0, 0, 0x41 })] // continues nothing
    [InlineData(1002, new byte[] { 0x02, 0x81, 0, 0, 0, 0, 0x41, 0x82, 0x81, 0, 0, 0, 0, 0x41 })] // begins inside
    [InlineData(1002, new byte[] { 0x09, 0x80, 0, 0, 0, 0 })] // ping in fragments
    [InlineData(1002, new byte[] { 0x89, 0xFE, 0, 126, 0, 0, 0, 0 })] // ping too long
    [InlineData(1002, new byte[] { 0x88, 0x81, 0, 0, 0, 0, 3 })] // half a close code
    [InlineData(1002, new byte[] { 0x88, 0x82, 0, 0, 0, 0, 0x03, 0xED })] // close 1005
    [InlineData(1007, new byte[] { 0x81, 0x82, 0, 0, 0, 0, 0xC3, 0x28 })] // invalid UTF-8
    [InlineData(1007, new byte[] { 0x01, 0x81, 0, 0, 0, 0, 0xC3, 0x80, 0x81, 0, 0, 0, 0, 0x28 })] // invalid UTF-8 in fragments
    [InlineData(1007, new byte[] { 0x88, 0x83, 0, 0, 0, 0, 0x03, 0xE8, 0xFF })] // invalid reason
    public async Task Frame_Wrong_IsRefusedWithItsCloseCode(int code, byte[] frame)
    {
        await using var client = await RawClient.ConnectAsync(_listener.LocalAddress);
        await client.HandshakeAsync(_listener.LocalAddress);
        await using var server = (await _listener.AcceptAsync(Token))!;
        await client.SendAsync(frame);
        await FluentActions.Awaiting(async () => await server.ReceiveAsync(Token)).Should().ThrowAsync<TransportException>();
        (await client.ReadCloseCodeAsync()).Should().Be(code);
        var expected = code == 1009 ? ChannelCloseStatus.MessageTooLarge : ChannelCloseStatus.ProtocolError;
        (await server.Closed.WaitAsync(Token)).Status.Should().Be(expected);
    }

    [Fact]
    public async Task Fragments_TogetherOverTheLimit_AreRefusedBeforeTheLastIsRead()
    {
        await using var client = await RawClient.ConnectAsync(_listener.LocalAddress);
        await client.HandshakeAsync(_listener.LocalAddress);
        await using var server = (await _listener.AcceptAsync(Token))!;
        await client.SendFrameAsync(0x02, new byte[600]);

        // 600 more are declared; their body never comes.
        await client.SendAsync(0x00, 0xFE, 0x02, 0x58, 0, 0, 0, 0);
        await FluentActions.Awaiting(async () => await server.ReceiveAsync(Token)).Should().ThrowAsync<MessageTooLargeException>();
        (await client.ReadCloseCodeAsync()).Should().Be(1009);
    }

    [Fact]
    public async Task Fragments_ManyAndEmpty_TakeNoMemory()
    {
        await using var client = await RawClient.ConnectAsync(_listener.LocalAddress);
        await client.HandshakeAsync(_listener.LocalAddress);
        await using var server = (await _listener.AcceptAsync(Token))!;
        await client.SendFrameAsync(0x02);
        var empty = Enumerable.Repeat(new byte[] { 0x00, 0x80, 0, 0, 0, 0 }, 100_000).SelectMany(static b => b).ToArray();
        var sending = client.SendAsync([.. empty, 0x80, 0x81, 0, 0, 0, 0, 0x41]).AsTask();
        (await server.ReceiveAsync(Token))!.Value.ToArray().Should().Equal(0x41);
        await sending;
    }

    [Fact]
    public async Task Ping_BetweenFragments_IsAnsweredWithItsPayload()
    {
        await using var client = await RawClient.ConnectAsync(_listener.LocalAddress);
        await client.HandshakeAsync(_listener.LocalAddress);
        await using var server = (await _listener.AcceptAsync(Token))!;
        var receiving = server.ReceiveAsync(Token).AsTask();
        await client.SendFrameAsync(0x01, (byte)'a');
        await client.SendFrameAsync(0x89, 1, 2, 3);
        var (first, payload) = await client.ReadFrameAsync();
        first.Should().Be(0x8A);
        payload.Should().Equal(1, 2, 3);
        await client.SendFrameAsync(0x80, (byte)'b');
        (await receiving)!.Value.GetText().Should().Be("ab");
    }

    [Fact]
    public async Task Frame_WrongBehindAMessage_IsToldBehindIt()
    {
        await using var client = await RawClient.ConnectAsync(_listener.LocalAddress);
        await client.HandshakeAsync(_listener.LocalAddress);
        await using var server = (await _listener.AcceptAsync(Token))!;
        await client.SendAsync([0x82, 0x81, 0, 0, 0, 0, 0x41, 0x81, 0x82, 0, 0, 0, 0, 0xC3, 0x28]);
        (await server.ReceiveAsync(Token))!.Value.ToArray().Should().Equal(0x41);
        await FluentActions.Awaiting(async () => await server.ReceiveAsync(Token)).Should().ThrowAsync<MessageFramingException>();
        (await client.ReadCloseCodeAsync()).Should().Be(1007);
    }

    [Fact]
    public async Task Ping_NobodyReceives_IsAnswered()
    {
        await using var client = await RawClient.ConnectAsync(_listener.LocalAddress);
        await client.HandshakeAsync(_listener.LocalAddress);
        await using var server = (await _listener.AcceptAsync(Token))!;
        await client.SendFrameAsync(0x89, 1, 2, 3);
        var (first, payload) = await client.ReadFrameAsync();
        first.Should().Be(0x8A);
        payload.Should().Equal(1, 2, 3);
    }

    [Fact]
    public async Task Close_ByThePeer_IsAnsweredWithItsCodeAndReceivesNull()
    {
        await using var client = await RawClient.ConnectAsync(_listener.LocalAddress);
        await client.HandshakeAsync(_listener.LocalAddress);
        await using var server = (await _listener.AcceptAsync(Token))!;
        await client.SendFrameAsync(0x82, 7);
        await client.SendFrameAsync(0x88, 0x03, 0xE9);
        (await server.ReceiveAsync(Token))!.Value.ToArray().Should().Equal(7);
        (await server.ReceiveAsync(Token)).Should().BeNull();
        (await client.ReadCloseCodeAsync()).Should().Be(1001);
        (await server.Closed).Status.Should().Be(ChannelCloseStatus.GoingAway);
    }

    [Fact]
    public async Task Close_InsideAMessage_IsAnsweredButIsNoEndInOrder()
    {
        await using var client = await RawClient.ConnectAsync(_listener.LocalAddress);
        await client.HandshakeAsync(_listener.LocalAddress);
        await using var server = (await _listener.AcceptAsync(Token))!;
        await client.SendFrameAsync(0x81, (byte)'a');
        await client.SendFrameAsync(0x01, (byte)'b');
        await client.SendFrameAsync(0x88, 0x03, 0xE8, (byte)'c');
        (await server.ReceiveAsync(Token))!.Value.GetText().Should().Be("a");
        await FluentActions.Awaiting(async () => await server.ReceiveAsync(Token)).Should().ThrowAsync<MessageChannelClosedException>();
        (await client.ReadCloseCodeAsync()).Should().Be(1000);
        var end = await server.Closed;
        end.Status.Should().Be(ChannelCloseStatus.ProtocolError);
        end.IsRemote.Should().BeTrue();
        end.ProtocolErrorCode.Should().Be(1000);
        end.Description.Should().Contain("fragmented message").And.EndWith("c");
    }

    [Fact]
    public async Task KeepAlive_PeerThatAnswersPings_IsAskedAgain()
    {
        await using var listener = await new KestrelTransport(new KestrelTransportOptions
        {
            WebSockets = { KeepAliveInterval = TimeSpan.FromMilliseconds(20), KeepAliveTimeout = TimeSpan.FromMinutes(5) },
        }).ListenAsync(new Uri("ws://localhost:0/ws"), Token);
        await using var client = await RawClient.ConnectAsync(listener.LocalAddress);
        await client.HandshakeAsync(listener.LocalAddress);
        await using var server = (await listener.AcceptAsync(Token))!;
        var receiving = server.ReceiveAsync(Token).AsTask();
        (await client.ReadFrameAsync()).First.Should().Be(0x89);
        await client.SendFrameAsync(0x8A);
        await client.SendFrameAsync(0x82, 1);
        (await receiving).Should().NotBeNull();
        receiving = server.ReceiveAsync(Token).AsTask();
        (await client.ReadFrameAsync()).First.Should().Be(0x89);
        await client.SendFrameAsync(0x82, 2);
        (await receiving)!.Value.ToArray().Should().Equal(2);
    }
}
