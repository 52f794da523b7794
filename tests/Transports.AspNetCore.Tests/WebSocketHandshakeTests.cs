namespace Transports.AspNetCore.Tests;

/// <summary>The server's side of the opening handshake (RFC 6455, section 4.2), as clients and proxies nobody here wrote do it.</summary>
public sealed class WebSocketHandshakeTests : IAsyncLifetime
{
    private IMessageListener _listener = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private Uri Address => _listener.LocalAddress;

    public async ValueTask InitializeAsync()
    {
        var options = new KestrelTransportOptions();
        options.WebSockets.SubProtocols.Add("chat.v1");
        _listener = await new KestrelTransport(options).ListenAsync(new Uri("ws://localhost:0/ws"), Token);
    }

    public ValueTask DisposeAsync() => _listener.DisposeAsync();

    public static TheoryData<string[]> Spellings() =>
    [
        (string[])["Connection: Upgrade", "Upgrade: websocket"],
        (string[])["Connection: keep-alive, Upgrade", "Upgrade: websocket"],
        (string[])["Connection: upgrade,keep-alive", "Upgrade: WebSocket"],
        (string[])["connection: keep-alive", "connection: UPGRADE", "upgrade: WEBSOCKET"],
        (string[])["Connection: close, Upgrade", "Upgrade: websocket, h2c"],
        (string[])["Connection: Upgrade", "Upgrade: h2c", "Upgrade: websocket", "Content-Length: 0"],
        (string[])["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Protocol: other", "Sec-WebSocket-Protocol: more,chat.v1"],
    ];

    [Theory]
    [MemberData(nameof(Spellings))]
    public async Task Handshake_InAnySpelling_IsAccepted(string[] headers)
    {
        await using var client = await RawClient.ConnectAsync(Address);
        var answer = await client.RequestAsync("GET", "/ws", [.. headers.Select(Split), .. Rest(Address)]);
        answer.Should().StartWith("HTTP/1.1 101").And.Contain("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        if (headers.Any(static header => header.Contains("chat", StringComparison.Ordinal)))
        {
            answer.Should().Contain("Sec-WebSocket-Protocol: chat.v1\r\n");
        }

        await using var server = await _listener.AcceptAsync(Token);
    }

    [Theory]
    [InlineData("CHAT.V1")]
    [InlineData("Chat.v1, other")]
    public async Task SubProtocol_InAnotherCase_IsNotAnswered(string offer)
    {
        await using var client = await RawClient.ConnectAsync(Address);
        (await client.HandshakeAsync(Address, ("Sec-WebSocket-Protocol", offer))).Should().StartWith("HTTP/1.1 101").And.NotContain("Sec-WebSocket-Protocol");
        await using var server = await _listener.AcceptAsync(Token);
    }

    [Theory]
    [InlineData("Sec-WebSocket-Version", "8")]
    [InlineData("Upgrade", null)]
    [InlineData("Upgrade", "h2c")]
    public async Task Handshake_UpgradeRequired_NamesTheProtocolAndKeepsTheConnection(string header, string? value)
    {
        await using var client = await RawClient.ConnectAsync(Address);
        var answer = await client.HandshakeAsync(Address, (header, value));
        answer.Should().StartWith("HTTP/1.1 426").And.Contain("Upgrade: websocket\r\n");
        await client.ReadBodyAsync(answer);
        (await client.HandshakeAsync(Address)).Should().StartWith("HTTP/1.1 101");
        await using var server = await _listener.AcceptAsync(Token);
    }

    [Theory]
    [InlineData("Content-Length: 2", "body")]
    [InlineData("Transfer-Encoding: chunked", "body")]
    [InlineData("Connection: close", "Connection: Upgrade")]
    [InlineData("Sec-WebSocket-Key: dGhlIHNhbXBsZS Bub25jZQ==", "Sec-WebSocket-Key")]
    public async Task Handshake_Wrong_IsToldWhatIsWrong(string header, string text)
    {
        await using var client = await RawClient.ConnectAsync(Address);
        var (name, value) = Split(header);
        var answer = await client.HandshakeAsync(Address, (name, value));
        answer.Should().StartWith("HTTP/1.1 400");
        (await client.ReadBodyAsync(answer)).Should().Contain(text);
    }

    [Fact]
    public async Task Handshake_OfHttp10_IsRefused()
    {
        await using var client = await RawClient.ConnectAsync(Address);
        var answer = await client.RequestAsync("GET", "/ws", [Split("Connection: Upgrade"), Split("Upgrade: websocket"), .. Rest(Address)], version: "1.0");
        answer.Should().Contain(" 400 ");
    }

    [Theory]
    [InlineData("https://example.org", "https://example.org", true)]
    [InlineData("https://EXAMPLE.org", "https://example.org", true)]
    [InlineData("https://example.org:443", "https://example.org", true)]
    [InlineData("https://example.org", "https://example.org:443", true)]
    [InlineData("https://example.org:8443", "https://example.org:8443", true)]
    [InlineData("https://example.org", "https://example.org:8443", false)]
    [InlineData("https://example.org", "http://example.org", false)]
    [InlineData("https://example.org", "https://evil.example", false)]
    [InlineData("https://example.org", "https://example.org.evil.example", false)]
    [InlineData("https://example.org", "https://example.org@evil.example", false)]
    [InlineData("https://example.org", "https://example.org/", false)]
    [InlineData("https://example.org", "null", false)]
    [InlineData("https://example.org", "*", false)]
    [InlineData("https://example.org", "", false)]
    [InlineData("https://bücher.example", "https://xn--bcher-kva.example", true)]
    [InlineData("https://xn--bcher-kva.example", "https://xn--bcher-kva.example", true)]
    [InlineData("https://[2001:DB8::1]:8443", "https://[2001:db8::1]:8443", true)]
    [InlineData("ionic://localhost", "ionic://localhost", true)]
    [InlineData("chrome-extension://abcdef", "chrome-extension://abcdef", true)]
    [InlineData("file://", "file://", true)]
    [InlineData("null", "null", true)]
    [InlineData("null", "https://example.org", false)]
    [InlineData("*", "null", true)]
    [InlineData("*", "https://example.org", true)]
    public async Task Origin_AgainstTheList_IsTheSameThingInAnySpelling(string allowed, string origin, bool accepted)
    {
        var options = new KestrelTransportOptions();
        options.WebSockets.AllowedOrigins.Add(allowed);
        await using var listener = await new KestrelTransport(options).ListenAsync(new Uri("ws://localhost:0/ws"), Token);
        await using var client = await RawClient.ConnectAsync(listener.LocalAddress);
        (await client.HandshakeAsync(listener.LocalAddress, ("Origin", origin))).Should().StartWith(accepted ? "HTTP/1.1 101" : "HTTP/1.1 403");
        if (accepted)
        {
            await using var server = await listener.AcceptAsync(Token);
        }
    }

    [Theory]
    [InlineData("example.org")]
    [InlineData("https://example.org/")]
    [InlineData("https://example.org/path")]
    [InlineData("https://example.org?query")]
    [InlineData("https://user@example.org")]
    [InlineData("")]
    [InlineData("https://*.example.org")]
    public void Validate_WhatIsNoOrigin_IsRefused(string origin)
    {
        var options = new KestrelTransportOptions();
        options.WebSockets.AllowedOrigins.Add(origin);
        FluentActions.Invoking(options.Validate).Should().Throw<ArgumentException>().WithMessage("*is not an origin*");
    }

    [Theory]
    [InlineData("")]
    [InlineData("chat v2")]
    [InlineData("a,b")]
    public void Validate_WhatIsNoSubProtocol_IsRefused(string name)
    {
        var options = new MessageChannelEndpointOptions();
        options.WebSockets.SubProtocols.Add(name);
        FluentActions.Invoking(options.Validate).Should().Throw<ArgumentException>().WithMessage("*is not a subprotocol's name*");
    }

    private static KeyValuePair<string, string?> Split(string header)
    {
        var colon = header.IndexOf(':', StringComparison.Ordinal);
        return new(header[..colon], header[(colon + 1)..].Trim());
    }

    private static IEnumerable<KeyValuePair<string, string?>> Rest(Uri address) =>
    [
        new("Host", address.Authority),
        new("Sec-WebSocket-Version", "13"),
        new("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
}
