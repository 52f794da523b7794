using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Transports.WebSockets.Tests;

/// <summary>The client against servers nobody here wrote: what it asks, and what it makes of their answers.</summary>
public sealed class WebSocketClientTests
{
    private const string Upgraded = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("401 Unauthorized\r\nWWW-Authenticate: Bearer realm=\"r\"", 401)]
    [InlineData("403 Forbidden", 403)]
    [InlineData("426 Upgrade Required\r\nSec-WebSocket-Version: 8", 426)]
    [InlineData("429 Too Many Requests\r\nRetry-After: 7", 429)]
    [InlineData("200 OK", 200)]
    [InlineData("307 Temporary Redirect\r\nLocation: /ws/", 307)]
    public async Task Connect_Refused_TellsTheAnswerAsData(string answer, int status)
    {
        await using var server = RawServer.Start(_ => $"HTTP/1.1 {answer}\r\nContent-Type: application/problem+json\r\nContent-Length: 25\r\n\r\n{{\"detail\":\"Said so why.\"}}");
        var refusal = await RefusalAsync(server);
        refusal.StatusCode.Should().Be(status);
        refusal.Details.Should().Be("Said so why.");
        refusal.Message.Should().Contain("Said so why.").And.Contain($"{status}");
        refusal.Challenges.Should().HaveCount(status == 401 ? 1 : 0);
        refusal.RetryAfter.Should().Be(status == 429 ? TimeSpan.FromSeconds(7) : null);
        refusal.Location.Should().Be(status == 307 ? new Uri(server.Address, "/ws/") : null);
        if (status == 426)
        {
            refusal.Message.Should().Contain("speaks version 8");
        }
    }

    [Fact]
    public async Task Connect_RefusedByThisLibrarysServer_TellsItsProblem()
    {
        await using var pair = await Pair.ListenAsync(client: client => client.ConfigureRequest = static request => request.Headers.Add("Origin", "https://evil.example"));
        var refusal = (await FluentActions.Awaiting(async () => await pair.ConnectAsync()).Should().ThrowAsync<TransportRefusedException>()).Which;
        refusal.StatusCode.Should().Be(403);
        refusal.Details.Should().Contain("AllowedOrigins");
    }

    [Fact]
    public async Task Connect_AnswerThatNeverComes_NamesTheInnermostCause()
    {
        await using var server = RawServer.Start((_, _) => Task.CompletedTask);
        var failure = await FailureAsync(server);
        failure.Message.Should().Contain(failure.GetBaseException().Message).And.NotEndWith("sending the request.");
    }

    [Theory]
    [InlineData("localhost", 1, "TlsClientOptions.TrustedRoots", null)]
    [InlineData("localhost", -1, "clock", "TlsClientOptions.TrustedRoots")]
    [InlineData("127.0.0.1", 1, "TlsClientOptions.TargetHost", "TlsClientOptions.TrustedRoots")]
    public async Task Connect_CertificateThatIsRefused_SaysWhatToDo(string host, int validForDays, string advice, string? secondAdvice)
    {
        using var key = System.Security.Cryptography.RSA.Create(2048);
        var request = new System.Security.Cryptography.X509Certificates.CertificateRequest("CN=localhost", key, System.Security.Cryptography.HashAlgorithmName.SHA256, System.Security.Cryptography.RSASignaturePadding.Pkcs1);
        var names = new System.Security.Cryptography.X509Certificates.SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        request.CertificateExtensions.Add(names.Build());
        using var certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-2), DateTimeOffset.UtcNow.AddDays(validForDays));
        await using var listener = await new KestrelTransport(new KestrelTransportOptions { Tls = { Certificate = certificate } }).ListenAsync(new Uri("wss://localhost:0/ws"), Token);
        using var transport = new WebSocketTransport();
        (await FluentActions.Awaiting(async () => await transport.ConnectAsync(new UriBuilder(listener.LocalAddress) { Host = host }.Uri, Token)).Should().ThrowAsync<TransportException>())
            .Which.Message.Should().Contain(advice).And.Contain(secondAdvice ?? advice);
    }

    [Theory]
    [InlineData("Sec-WebSocket-Protocol: \r\n", "empty Sec-WebSocket-Protocol")]
    [InlineData("Sec-WebSocket-Protocol: Chat\r\n", "case counts")]
    [InlineData("Sec-WebSocket-Protocol: other\r\n", "Offer it in SubProtocols")]
    [InlineData("Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n", "none was offered")]
    public async Task Connect_AnswerThatWasNotOffered_IsRefusedWithFittingAdvice(string header, string text)
    {
        await using var server = RawServer.Start(accept => $"{Upgraded}Sec-WebSocket-Accept: {accept}\r\n{header}\r\n");
        (await FailureAsync(server, options => options.SubProtocols.Add("chat"))).Message.Should().Contain(text);
    }

    [Theory]
    [InlineData("HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: {0}\r\n\r\n")]
    [InlineData("HTTP/1.1 101 \r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Accept: {0}\r\n\r\n")]
    [InlineData("HTTP/1.1 101 x\r\nUpgrade: websocket/13\r\nConnection: UPGRADE\r\nSec-WebSocket-Accept: {0}\r\nContent-Length: 0\r\n\r\n")]
    [InlineData("HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: close,Upgrade\r\nSec-WebSocket-Accept: {0}\r\nSec-WebSocket-Extensions: \r\n\r\n")]
    [InlineData("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {0}\r\n\r\n")]
    public async Task Connect_AnswerInAnySpelling_IsTaken(string answer)
    {
        await using var server = RawServer.Start(accept => string.Format(null, answer, accept));
        using var transport = new WebSocketTransport();
        var channel = await transport.ConnectAsync(server.Address, Token);
        channel.Abort();
        await channel.DisposeAsync();
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(100_000)]
    public async Task Connect_FramesInTheAnswersSegment_AreReceived(int pieces)
    {
        await using var server = RawServer.Start(async (stream, head) =>
        {
            // A message, a close frame, and the connection's end, in one go or in many.
            byte[] bytes = [.. Encoding.ASCII.GetBytes($"{Upgraded}Sec-WebSocket-Accept: {RawServer.AcceptOf(head)}\r\n\r\n"), 0x81, 0x02, .. "hi"u8, 0x88, 0x02, 0x03, 0xE8];
            foreach (var piece in bytes.Chunk(Math.Max(1, bytes.Length / pieces)))
            {
                await stream.WriteAsync(piece, Token);
            }

            stream.Socket.Shutdown(SocketShutdown.Send);
            await RawServer.ReadToEndAsync(stream);
        });
        using var transport = new WebSocketTransport();
        await using var channel = await transport.ConnectAsync(server.Address, Token);
        (await channel.ReceiveAsync(Token))!.Value.GetText().Should().Be("hi");
        (await channel.ReceiveAsync(Token)).Should().BeNull();
        (await channel.Closed).Status.Should().Be(ChannelCloseStatus.Normal);
    }

    [Fact]
    public async Task Connect_ThroughAProxy_AsksItForATunnel()
    {
        await using var pair = await Pair.ListenAsync();
        var asked = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);

        // Knows CONNECT, and nothing else.
        await using var proxy = RawServer.Start(async (stream, head) =>
        {
            asked.TrySetResult(head);
            if (!head.StartsWith("CONNECT ", StringComparison.Ordinal))
            {
                await stream.WriteAsync("HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n"u8.ToArray());
                return;
            }

            using var target = new TcpClient();
            await target.ConnectAsync(IPAddress.Loopback, pair.Address.Port);
            await stream.WriteAsync("HTTP/1.1 200 OK\r\n\r\n"u8.ToArray());
            await Task.WhenAny(stream.CopyToAsync(target.GetStream()), target.GetStream().CopyToAsync(stream));
        });
        using var transport = new WebSocketTransport(new WebSocketTransportOptions
        {
            ConfigureHandler = handler => handler.Proxy = new WebProxy($"http://127.0.0.1:{proxy.Address.Port}") { BypassProxyOnLocal = false },
        });
        var accepting = pair.Listener.AcceptAsync(Token).AsTask();

        // By a name that no proxy is bypassed for; the proxy goes where it wants.
        await using var client = await transport.ConnectAsync(new Uri($"ws://server.test:{pair.Address.Port}/test"), Token);
        await using var server = (await accepting)!;
        await client.SendAsync("through"u8.ToArray(), Token);
        (await server.ReceiveAsync(Token))!.Value.GetText().Should().Be("through");
        (await asked.Task).Should().StartWith($"CONNECT server.test:{pair.Address.Port} HTTP/1.1\r\n");
    }

    [Fact]
    public async Task Connect_ProxyThatRefuses_TellsItsStatus()
    {
        await using var proxy = RawServer.Start(_ => "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
        using var transport = new WebSocketTransport(new WebSocketTransportOptions
        {
            ConfigureHandler = handler => handler.Proxy = new WebProxy($"http://127.0.0.1:{proxy.Address.Port}"),
        });
        var refusal = (await FluentActions.Awaiting(async () => await transport.ConnectAsync(new Uri("ws://server.test/"), Token)).Should().ThrowAsync<TransportException>()).Which;
        refusal.Message.Should().Contain("proxy").And.Contain("403");
    }

    [Theory]
    [InlineData("ws://[fe80::1%1]:1/", "fe80::1%1")]
    [InlineData("wss://bücher.example:1/", "xn--bcher-kva.example")]
    public async Task Connect_AnyHost_IsAskedForAsItIs(string address, string host)
    {
        Uri? asked = null;
        using var transport = new WebSocketTransport(new WebSocketTransportOptions
        {
            ConfigureRequest = request =>
            {
                asked = request.RequestUri;
                throw new NotSupportedException("Nothing is connected.");
            },
        });
        await FluentActions.Awaiting(async () => await transport.ConnectAsync(new Uri(address), Token)).Should().ThrowAsync<NotSupportedException>();
        asked!.IdnHost.Should().Be(host);
        asked.Port.Should().Be(1);
        asked.PathAndQuery.Should().Be(new Uri(address).PathAndQuery);
    }

    [Theory]
    [InlineData("ws://user:s3cret@localhost:1/")]
    [InlineData("ws://localhost:1/x#s3cret")]
    [InlineData("ws://localhost:1/x?token=s3cret")]
    [InlineData("http://user:s3cret@localhost:1/x?token=s3cret")]
    public async Task Connect_Failure_ShowsNothingSecretOfTheAddress(string address)
    {
        using var transport = new WebSocketTransport();
        var failure = (await FluentActions.Awaiting(async () => await transport.ConnectAsync(new Uri(address), Token)).Should().ThrowAsync<Exception>()).Which;
        failure.ToString().Should().NotContain("s3cret");
    }

    [Fact]
    public async Task Connect_Refused_ShowsNothingSecretOfTheAddress()
    {
        await using var server = RawServer.Start(_ => "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
        using var transport = new WebSocketTransport();
        var failure = (await FluentActions.Awaiting(async () => await transport.ConnectAsync(new Uri(server.Address, "?token=s3cret"), Token)).Should().ThrowAsync<TransportRefusedException>()).Which;
        failure.ToString().Should().NotContain("s3cret").And.Contain("/ws");
    }

    private static async Task<TransportRefusedException> RefusalAsync(RawServer server)
        => (await FailureAsync(server)).Should().BeOfType<TransportRefusedException>().Subject;

    private static async Task<TransportException> FailureAsync(RawServer server, Action<WebSocketTransportOptions>? configure = null)
    {
        var options = new WebSocketTransportOptions();
        configure?.Invoke(options);
        using var transport = new WebSocketTransport(options);
        return (await FluentActions.Awaiting(async () => await transport.ConnectAsync(server.Address, Token)).Should().ThrowAsync<TransportException>()).Which;
    }
}
