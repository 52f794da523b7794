using System.IO.Compression;
using Google.Protobuf;
using Google.Rpc;
using Grpc.Net.Compression;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Transports.Neighbor;

namespace Transports.Grpc.Tests;

/// <summary>Our client with .NET's own server, Grpc.AspNetCore.</summary>
public sealed class DotNetServerTests : IAsyncLifetime
{
    private readonly GrpcTransport _transport = new();
    private readonly NeighborService.Record _record = new();
    private WebApplication? _server;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static byte[] LargeBody { get; } = [.. Enumerable.Range(0, 200_000).Select(static i => (byte)(i % 7))];

    public async ValueTask InitializeAsync()
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddRoutingCore();
        builder.Services.AddSingleton(_record);
        builder.Services.AddGrpc(static options =>
        {
            options.ResponseCompressionAlgorithm = "gzip";
            options.ResponseCompressionLevel = CompressionLevel.Fastest;
        });
        builder.WebHost.UseKestrelCore().ConfigureKestrel(static kestrel => kestrel.Listen(System.Net.IPAddress.Loopback, 0, static listen => listen.Protocols = HttpProtocols.Http2));
        _server = builder.Build();
        _server.MapGrpcService<NeighborService>();
        await _server.StartAsync(Token);
    }

    public async ValueTask DisposeAsync()
    {
        _transport.Dispose();
        await _server!.DisposeAsync();
    }

    [Theory(Timeout = 60_000)]
    [InlineData(0)]
    [InlineData(10)]
    [InlineData(200_000)]
    public async Task AllShapes_AnySize_AreServed(int size)
    {
        var body = ByteString.CopyFrom(LargeBody, 0, size);
        await using (var one = await OpenAsync("One"))
        {
            await SendAsync(one, new Item { Body = body, Number = 3 });
            await one.CompleteSendingAsync(Token);
            (await ReceiveAsync(one))!.Should().Be(new Item { Body = body, Number = 3 });
            (await ReceiveAsync(one)).Should().BeNull();
        }

        await using (var down = await OpenAsync("Down"))
        {
            await SendAsync(down, new Item { Body = body, Number = 20 });
            await down.CompleteSendingAsync(Token);
            for (var i = 0; i < 20; i++)
            {
                (await ReceiveAsync(down))!.Number.Should().Be(i);
            }

            (await ReceiveAsync(down)).Should().BeNull();
        }

        await using (var up = await OpenAsync("Up"))
        {
            for (var i = 0; i < 20; i++)
            {
                await SendAsync(up, new Item { Body = body, Number = i });
            }

            await up.CompleteSendingAsync(Token);
            (await ReceiveAsync(up))!.Number.Should().Be(190);
            (await ReceiveAsync(up)).Should().BeNull();
        }

        await using var both = await OpenAsync("Both");
        for (var i = 0; i < 20; i++)
        {
            await SendAsync(both, new Item { Body = body, Number = i });
            (await ReceiveAsync(both))!.Number.Should().Be(i);
        }

        await both.CompleteSendingAsync(Token);
        (await ReceiveAsync(both)).Should().BeNull();
        (await both.Closed).Status.Should().Be(ChannelCloseStatus.Normal);
        both.GetFeature<IGrpcClientCallFeature>()!.Status.Should().Be(new GrpcStatus(GrpcStatusCode.OK));
    }

    [Theory(Timeout = 60_000)]
    [InlineData(0)]
    [InlineData(200_000)]
    public async Task Gzip_BothWays_IsRead(int size)
    {
        using var transport = new GrpcTransport(new GrpcTransportOptions { EnableCompression = true });
        await using var both = await transport.ConnectAsync(AddressOf("Both"), Token);
        var item = new Item { Body = ByteString.CopyFrom(LargeBody, 0, size) };

        await SendAsync(both, item);

        (await ReceiveAsync(both))!.Should().Be(item);
    }

    [Fact(Timeout = 60_000)]
    public async Task Metadata_InHeadersAndTrailers_ComesBack()
    {
        await using var channel = await OpenAsync("One", ("echo", "there and back"), ("echo-bin", new byte[] { 0, 255 }));
        await SendAsync(channel, new Item());
        await channel.CompleteSendingAsync(Token);
        var call = channel.GetFeature<IGrpcClientCallFeature>()!;

        (await call.ResponseHeaders.WaitAsync(Token)).GetValue("echo").Should().Be("there and back");
        (await ReceiveAsync(channel)).Should().NotBeNull();
        (await ReceiveAsync(channel)).Should().BeNull();
        call.ResponseTrailers!.TryGetBinaryValue("echo-bin", out var bytes).Should().BeTrue();
        bytes.ToArray().Should().Equal(0, 255);
    }

    [Fact(Timeout = 60_000)]
    public async Task Status_EachCode_ArrivesWithItsWords()
    {
        for (var code = 1; code <= 16; code++)
        {
            foreach (var before in new[] { 0, 3 })
            {
                await using var channel = await OpenAsync("Down", ("status", code.ToString(System.Globalization.CultureInfo.InvariantCulture)));
                await SendAsync(channel, new Item { Number = before });
                await channel.CompleteSendingAsync(Token);
                for (var i = 0; i < before; i++)
                {
                    (await ReceiveAsync(channel))!.Number.Should().Be(i);
                }

                var receive = async () => await ReceiveAsync(channel);
                (await receive.Should().ThrowAsync<MessageChannelClosedException>()).Which.CloseInfo.Should().BeEquivalentTo(
                    new { ProtocolErrorCode = (long)code, Description = "words: ü", IsRemote = true });
                channel.GetFeature<IGrpcClientCallFeature>()!.Status.Should().Be(new GrpcStatus((GrpcStatusCode)code, "words: ü"));
            }
        }
    }

    [Fact(Timeout = 60_000)]
    public async Task RichStatus_OfTheServer_IsAmongTheTrailers()
    {
        await using var channel = await OpenAsync("One", ("rich", "1"));
        await SendAsync(channel, new Item());
        await channel.CompleteSendingAsync(Token);

        var receive = async () => await ReceiveAsync(channel);

        await receive.Should().ThrowAsync<MessageChannelClosedException>();
        channel.GetFeature<IGrpcClientCallFeature>()!.ResponseTrailers!.TryGetBinaryValue("grpc-status-details-bin", out var details).Should().BeTrue();
        Google.Rpc.Status.Parser.ParseFrom(details.Span).Should().Be(NeighborService.RichStatus);
    }

    [Fact(Timeout = 60_000)]
    public async Task Timeout_ServerWaits_IsDeadlineExceeded()
    {
        await using var channel = await _transport.ConnectAsync(AddressOf("One"), With(TimeSpan.FromMilliseconds(200), ("wait", "1")), Token);
        await SendAsync(channel, new Item());
        await channel.CompleteSendingAsync(Token);

        var receive = async () => await ReceiveAsync(channel);

        (await receive.Should().ThrowAsync<MessageChannelClosedException>()).Which.CloseInfo.Should().BeEquivalentTo(
            new { Status = ChannelCloseStatus.TimedOut, ProtocolErrorCode = (long)GrpcStatusCode.DeadlineExceeded });
        channel.GetFeature<IGrpcClientCallFeature>()!.Status!.Value.Code.Should().Be(GrpcStatusCode.DeadlineExceeded);
    }

    [Fact(Timeout = 60_000)]
    public async Task Abort_ServerReads_CancelsItsCall()
    {
        await using var channel = await OpenAsync("Both");
        await SendAsync(channel, new Item { Number = 1 });
        (await ReceiveAsync(channel))!.Number.Should().Be(1);

        channel.Abort();

        await _record.Cancelled.Task.WaitAsync(Token);
        (await channel.Closed).Status.Should().Be(ChannelCloseStatus.Aborted);
        channel.GetFeature<IGrpcClientCallFeature>()!.Status!.Value.Code.Should().Be(GrpcStatusCode.Cancelled);
    }

    [Theory(Timeout = 60_000)]
    [InlineData("Up", null)]
    [InlineData("Both", null)]
    [InlineData("Both", "9")]
    public async Task EarlyEnd_WhileTheClientSends_TheAnswerAndTheStatusAreReceived(string method, string? status)
    {
        for (var round = 0; round < 20; round++)
        {
            (string, object)[] metadata = status is null ? [("early", "1")] : [("early", "1"), ("status", status)];
            await using var channel = await OpenAsync(method, metadata);
            var send = async () =>
            {
                while (true)
                {
                    await SendAsync(channel, new Item { Number = 7, Body = ByteString.CopyFrom(LargeBody, 0, 5000) });
                }
            };

            await send.Should().ThrowAsync<MessageChannelClosedException>();

            (await ReceiveAsync(channel))!.Number.Should().Be(7);
            var receive = async () => await ReceiveAsync(channel);
            if (status is null)
            {
                (await receive()).Should().BeNull();
            }
            else
            {
                (await receive.Should().ThrowAsync<MessageChannelClosedException>()).Which.CloseInfo.ProtocolErrorCode.Should().Be((long)GrpcStatusCode.FailedPrecondition);
            }
        }
    }

    // The same connection carries all calls: an abort in the middle of a message must leave the others alone.
    [Fact(Timeout = 120_000)]
    public async Task Abort_WhileALargeMessageIsWritten_LeavesTheOtherCallsAlone()
    {
        await using var mate = await OpenAsync("Both");
        for (var i = 0; i < 100; i++)
        {
            var channel = await OpenAsync("Both");
            await SendAsync(channel, new Item { Body = ByteString.CopyFrom(LargeBody) });
            channel.Abort();
            await channel.DisposeAsync();

            await SendAsync(mate, new Item { Number = i });
            (await ReceiveAsync(mate))!.Number.Should().Be(i);
        }
    }

    private static async Task SendAsync(IMessageChannel channel, Item item) => await channel.SendAsync(item.ToByteArray(), Token);

    private static async Task<Item?> ReceiveAsync(IMessageChannel channel)
        => await channel.ReceiveAsync(Token) is { } message ? Item.Parser.ParseFrom(message.Payload) : null;

    private static GrpcCallOptions With(TimeSpan? timeout, params (string Key, object Value)[] metadata)
    {
        var call = new GrpcCallOptions { Timeout = timeout };
        foreach (var (key, value) in metadata)
        {
            if (value is byte[] bytes)
            {
                call.Headers.Add(key, bytes);
            }
            else
            {
                call.Headers.Add(key, (string)value);
            }
        }

        return call;
    }

    private Uri AddressOf(string method) => new($"grpc+http://127.0.0.1:{new Uri(_server!.Urls.First()).Port}/neighbor.Shapes/{method}");

    private async Task<IMessageChannel> OpenAsync(string method, params (string Key, object Value)[] metadata)
        => await _transport.ConnectAsync(AddressOf(method), With(null, metadata), Token);
}
