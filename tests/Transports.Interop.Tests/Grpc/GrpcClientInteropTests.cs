using System.Text;

namespace Transports.Interop.Tests;

/// <summary>Our client, with servers of other languages.</summary>
public sealed class GrpcClientInteropTests : IAsyncLifetime
{
    private Peer? _server;
    private Uri _address = new("grpc+http://127.0.0.1");
    private GrpcTransport? _transport;

    public static TheoryData<string> Languages => ["python", "node"];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync() => default;

    public async ValueTask DisposeAsync()
    {
        _transport?.Dispose();
        if (_server is not null)
        {
            await _server.DisposeAsync();
        }
    }

    [Theory(Timeout = 60_000), MemberData(nameof(Languages))]
    public async Task AllShapes(string language)
    {
        await StartAsync(language);

        (await UnaryAsync("ping")).Should().Be("ping");

        await using (var stream = await OpenAsync("ServerStream"))
        {
            await stream.SendAsync(new byte[] { 5 }, Token);
            await stream.CompleteSendingAsync(Token);
            for (byte i = 0; i < 5; i++)
            {
                (await stream.ReceiveAsync(Token))!.Value.ToArray().Should().Equal(i);
            }

            (await stream.ReceiveAsync(Token)).Should().BeNull();
        }

        await using (var stream = await OpenAsync("ClientStream"))
        {
            await stream.SendAsync(new Message[] { "a"u8.ToArray(), "bb"u8.ToArray(), "ccc"u8.ToArray() }, Token);
            await stream.CompleteSendingAsync(Token);
            (await stream.ReceiveAsync(Token))!.Value.GetText().Should().Be("6");
            (await stream.ReceiveAsync(Token)).Should().BeNull();
        }

        await using (var stream = await OpenAsync("Both"))
        {
            for (byte i = 0; i < 20; i++)
            {
                await stream.SendAsync(new[] { i }, Token);
                (await stream.ReceiveAsync(Token))!.Value.ToArray().Should().Equal(i);
            }

            await stream.CompleteSendingAsync(Token);
            (await stream.ReceiveAsync(Token)).Should().BeNull();
            (await stream.Closed).Status.Should().Be(ChannelCloseStatus.Normal);
        }
    }

    [Theory(Timeout = 60_000), MemberData(nameof(Languages))]
    public async Task HalfClose_ServerGoesOn(string language)
    {
        await StartAsync(language);
        var call = new GrpcCallOptions();
        call.Headers.Add("epilogue", "1");
        await using var stream = await OpenAsync("Both", call);

        await stream.SendAsync("x"u8.ToArray(), Token);
        await stream.CompleteSendingAsync(Token);

        (await stream.ReceiveAsync(Token))!.Value.GetText().Should().Be("x");
        (await stream.ReceiveAsync(Token))!.Value.GetText().Should().Be("epilogue");
        (await stream.ReceiveAsync(Token)).Should().BeNull();
    }

    [Theory(Timeout = 60_000), MemberData(nameof(Languages))]
    public async Task Error_NonAsciiMessage_Arrives(string language)
    {
        await StartAsync(language);
        (await FailsAsync("Unary", "fail"u8.ToArray())).Should().BeEquivalentTo(
            new { ProtocolErrorCode = (long)GrpcStatusCode.NotFound, Description = "Größe 100 % – nicht da ✓", IsRemote = true });
    }

    [Theory(Timeout = 60_000), MemberData(nameof(Languages))]
    public async Task Large_3MbAnd60MbInOneStream(string language)
    {
        await StartAsync(language);
        var large = new byte[3 << 20];
        new Random(1).NextBytes(large);
        await using (var one = await OpenAsync("Unary"))
        {
            await one.SendAsync(large, Token);
            await one.CompleteSendingAsync(Token);
            (await one.ReceiveAsync(Token))!.Value.ToArray().Should().Equal(large);
        }

        var mebibyte = new byte[1 << 20];
        mebibyte.AsSpan().Fill(0x5a);
        await using var stream = await OpenAsync("Both");
        var sending = Task.Run(
            async () =>
            {
                for (var i = 0; i < 60; i++)
                {
                    await stream.SendAsync(mebibyte, Token);
                }

                await stream.CompleteSendingAsync(Token);
            },
            Token);
        var count = 0;
        while (await stream.ReceiveAsync(Token) is { } message)
        {
            message.Payload.FirstSpan.SequenceEqual(mebibyte).Should().BeTrue();
            count++;
        }

        count.Should().Be(60);
        await sending;
    }

    [Theory(Timeout = 60_000), MemberData(nameof(Languages))]
    public async Task Metadata_BothWays(string language)
    {
        await StartAsync(language);
        var call = new GrpcCallOptions();
        call.Headers.Add("tenant", "acme");
        call.Headers.Add("blob-bin", new byte[] { 0, 255, 7 });
        await using var channel = await OpenAsync("Unary", call);

        await channel.SendAsync("ping"u8.ToArray(), Token);
        await channel.CompleteSendingAsync(Token);
        (await channel.ReceiveAsync(Token)).Should().NotBeNull();
        (await channel.ReceiveAsync(Token)).Should().BeNull();

        var client = channel.GetFeature<IGrpcClientCallFeature>()!;
        (await client.ResponseHeaders).GetValue("tenant-back").Should().Be("acme");
        client.ResponseTrailers!.TryGetBinaryValue("blob-back-bin", out var blob).Should().BeTrue();
        blob.ToArray().Should().Equal(0, 255, 7);
    }

    [Theory(Timeout = 60_000), MemberData(nameof(Languages))]
    public async Task Deadline_Passes_EndsTheCall(string language)
    {
        await StartAsync(language);
        await using var channel = await OpenAsync("Both", new GrpcCallOptions { Timeout = TimeSpan.FromMilliseconds(500) });
        await channel.SendAsync("hang"u8.ToArray(), Token);
        (await channel.Closed.WaitAsync(Token)).Status.Should().Be(ChannelCloseStatus.TimedOut);
    }

    [Theory(Timeout = 60_000), MemberData(nameof(Languages))]
    public async Task Cancellation_ServerSeesIt(string language)
    {
        await StartAsync(language);
        await using (var channel = await OpenAsync("Both"))
        {
            await channel.SendAsync("hang"u8.ToArray(), Token);
            (await channel.ReceiveAsync(Token)).Should().NotBeNull();
            channel.Abort();
        }

        (await UnaryAsync("cancelled?")).Should().Be("yes");
    }

    [Theory(Timeout = 60_000), MemberData(nameof(Languages))]
    public async Task OversizeAndUnknownMethod_GetTheServersStatus(string language)
    {
        await StartAsync(language);
        (await FailsAsync("Unary", new byte[5 << 20])).ProtocolErrorCode.Should().Be((long)GrpcStatusCode.ResourceExhausted);
        (await FailsAsync("Nothing", [])).ProtocolErrorCode.Should().Be((long)GrpcStatusCode.Unimplemented);
    }

    [Theory(Timeout = 60_000), MemberData(nameof(Languages))]
    public async Task Gzip_BothWays(string language)
    {
        await StartAsync(language, gzip: true);
        var text = new string('z', 100_000);
        (await UnaryAsync(text)).Should().Be(text);
    }

    private async Task StartAsync(string language, bool gzip = false)
    {
        Peer.Require(language);
        _server = Peer.Start(language, language == "python" ? "Grpc/grpc_server.py" : "Grpc/grpc_server.js", gzip ? ["gzip"] : []);
        _address = new Uri($"grpc+http://127.0.0.1:{await _server.ReadLineAsync()}");
        _transport = new GrpcTransport(new GrpcTransportOptions { MaxMessageSize = 16 << 20, EnableCompression = gzip });
    }

    private ValueTask<IMessageChannel> OpenAsync(string method, GrpcCallOptions? call = null)
        => _transport!.ConnectAsync(new Uri(_address, "/interop.Test/" + method), call ?? new GrpcCallOptions(), Token);

    private async Task<string> UnaryAsync(string text)
    {
        await using var channel = await OpenAsync("Unary");
        await channel.SendAsync(Encoding.UTF8.GetBytes(text), Token);
        await channel.CompleteSendingAsync(Token);
        var answer = (await channel.ReceiveAsync(Token))!.Value.GetText();
        (await channel.ReceiveAsync(Token)).Should().BeNull();
        return answer;
    }

    private async Task<ChannelCloseInfo> FailsAsync(string method, byte[] payload)
    {
        await using var channel = await OpenAsync(method);
        var talk = async () =>
        {
            await channel.SendAsync(payload, Token);
            await channel.CompleteSendingAsync(Token);
            await channel.ReceiveAsync(Token);
        };
        return (await talk.Should().ThrowAsync<MessageChannelClosedException>()).Which.CloseInfo;
    }
}
