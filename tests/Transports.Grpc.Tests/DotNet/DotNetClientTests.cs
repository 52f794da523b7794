using Google.Protobuf;
using Google.Rpc;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Transports.Neighbor;

namespace Transports.Grpc.Tests;

/// <summary>.NET's own client, Grpc.Net.Client, with our server, mapped on a web application and behind a prefix.</summary>
public sealed class DotNetClientTests : IAsyncLifetime
{
    private static readonly Metadata s_gzip = new() { { "grpc-internal-encoding-request", "gzip" } };

    private readonly TaskCompletionSource<ChannelCloseInfo> _left = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _stopping = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _inside = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private WebApplication? _server;
    private GrpcChannel? _channel;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static byte[] LargeBody { get; } = [.. Enumerable.Range(0, 200_000).Select(static i => (byte)(i % 7))];

    private Shapes.ShapesClient Client => new(_channel);

    public async ValueTask InitializeAsync()
    {
        _server = ScriptedServer.Build(HttpProtocols.Http2);
        _server.UseRouting();
        foreach (var method in new[] { "One", "Down", "Up", "Both" })
        {
            _server.MapGrpcMessageChannel($"neighbor.Shapes/{method}", ServeAsync, new MessageChannelEndpointOptions { Grpc = { EnableCompression = true } });
        }

        _server.MapGroup("/behind/a").MapGrpcMessageChannel("neighbor.Shapes/One", ServeAsync);
        await _server.StartAsync(Token);
        _channel = GrpcChannel.ForAddress(_server.Urls.First());
    }

    public async ValueTask DisposeAsync()
    {
        _channel!.Dispose();
        await _server!.DisposeAsync();
    }

    [Theory(Timeout = 60_000)]
    [InlineData(0, false)]
    [InlineData(10, false)]
    [InlineData(200_000, false)]
    [InlineData(0, true)]
    [InlineData(10, true)]
    [InlineData(200_000, true)]
    public async Task AllShapes_AnySizeCompressedOrNot_AreServed(int size, bool gzip)
    {
        var headers = gzip ? s_gzip : null;
        var body = ByteString.CopyFrom(LargeBody, 0, size);

        // The empty message too: compressed, it is no bytes at all here.
        (await Client.OneAsync(new Item(), headers, cancellationToken: Token)).Should().Be(new Item());
        (await Client.OneAsync(new Item { Body = body }, headers, cancellationToken: Token)).Body.Should().Equal(body);

        using (var down = Client.Down(new Item { Body = body, Number = 20 }, headers, cancellationToken: Token))
        {
            var expected = 0;
            await foreach (var item in down.ResponseStream.ReadAllAsync(Token))
            {
                item.Number.Should().Be(expected++);
            }

            expected.Should().Be(20);
        }

        using (var up = Client.Up(headers, cancellationToken: Token))
        {
            for (var i = 0; i < 20; i++)
            {
                await up.RequestStream.WriteAsync(new Item { Body = body, Number = i }, Token);
            }

            await up.RequestStream.CompleteAsync();
            (await up).Number.Should().Be(190);
        }

        using var both = Client.Both(headers, cancellationToken: Token);
        for (var i = 0; i < 20; i++)
        {
            await both.RequestStream.WriteAsync(new Item { Body = body, Number = i }, Token);
            (await both.ResponseStream.MoveNext(Token)).Should().BeTrue();
            both.ResponseStream.Current.Number.Should().Be(i);
        }

        await both.RequestStream.CompleteAsync();
        (await both.ResponseStream.MoveNext(Token)).Should().BeFalse();
    }

    [Fact(Timeout = 60_000)]
    public async Task Metadata_InHeadersAndTrailers_ComesBack()
    {
        using var call = Client.OneAsync(new Item(), new Metadata { { "echo", "there and back" }, { "echo-bin", [0, 255] } }, cancellationToken: Token);

        (await call.ResponseHeadersAsync).GetValue("echo").Should().Be("there and back");
        await call;
        call.GetTrailers().GetValueBytes("echo-bin").Should().Equal(0, 255);
    }

    [Fact(Timeout = 60_000)]
    public async Task Status_EachCode_ArrivesWithItsWords()
    {
        for (var code = 1; code <= 16; code++)
        {
            var call = async () => await Client.OneAsync(new Item(), new Metadata { { "status", $"{code}" } }, cancellationToken: Token);

            (await call.Should().ThrowAsync<RpcException>()).Which.Status.Should().BeEquivalentTo(new { StatusCode = (StatusCode)code, Detail = "words: ü" });
        }
    }

    [Fact(Timeout = 60_000)]
    public async Task RichStatus_OfOurServer_IsReadByTheirLibrary()
    {
        var call = async () => await Client.OneAsync(new Item(), new Metadata { { "rich", "1" } }, cancellationToken: Token);

        (await call.Should().ThrowAsync<RpcException>()).Which.GetRpcStatus().Should().Be(NeighborService.RichStatus);
    }

    [Fact(Timeout = 60_000)]
    public async Task Deadline_ServerWaits_IsDeadlineExceededOnBothSides()
    {
        var call = async () => await Client.OneAsync(new Item(), new Metadata { { "wait", "1" } }, DateTime.UtcNow.AddMilliseconds(300), Token);

        (await call.Should().ThrowAsync<RpcException>()).Which.StatusCode.Should().Be(StatusCode.DeadlineExceeded);
        (await _left.Task.WaitAsync(Token)).Status.Should().BeOneOf(ChannelCloseStatus.TimedOut, ChannelCloseStatus.ConnectionLost);
    }

    [Fact(Timeout = 60_000)]
    public async Task Cancel_ServerWaits_EndsItsChannel()
    {
        using var cancel = new CancellationTokenSource();
        var call = Client.OneAsync(new Item(), new Metadata { { "wait", "1" } }, cancellationToken: cancel.Token);
        await _inside.Task.WaitAsync(Token);

        await cancel.CancelAsync();

        var answer = async () => await call;
        (await answer.Should().ThrowAsync<RpcException>()).Which.StatusCode.Should().Be(StatusCode.Cancelled);
        (await _left.Task.WaitAsync(Token)).Status.Should().Be(ChannelCloseStatus.ConnectionLost);
    }

    [Theory(Timeout = 60_000)]
    [InlineData(0)]
    [InlineData(5)]
    public async Task EarlyEnd_WhileTheClientSends_TheAnswerAndTheStatusAreReceived(int status)
    {
        var headers = new Metadata { { "early", "1" } };
        if (status != 0)
        {
            headers.Add("status", $"{status}");
        }

        using var both = Client.Both(headers, cancellationToken: Token);
        var send = async () =>
        {
            while (true)
            {
                await both.RequestStream.WriteAsync(new Item { Number = 7, Body = ByteString.CopyFrom(LargeBody, 0, 5000) }, Token);
            }
        };
        await send.Should().ThrowAsync<Exception>();

        (await both.ResponseStream.MoveNext(Token)).Should().BeTrue();
        both.ResponseStream.Current.Number.Should().Be(7);
        var end = async () => await both.ResponseStream.MoveNext(Token);
        if (status == 0)
        {
            (await end()).Should().BeFalse();
        }
        else
        {
            (await end.Should().ThrowAsync<RpcException>()).Which.StatusCode.Should().Be((StatusCode)status);
        }
    }

    // What a handler has finished is finished, and a client that is told UNAVAILABLE would do it again.
    [Theory(Timeout = 60_000)]
    [InlineData(0)]
    [InlineData(5)]
    public async Task StopAsync_HandlerFinishesItsCallMeanwhile_TheCallHasItsOwnStatus(int status)
    {
        var headers = new Metadata { { "until-stopping", "1" } };
        if (status != 0)
        {
            headers.Add("status", $"{status}");
        }

        using var call = Client.OneAsync(new Item { Number = 3 }, headers, cancellationToken: Token);
        await _inside.Task.WaitAsync(Token);

        await _server!.StopAsync(Token);

        if (status == 0)
        {
            (await call).Number.Should().Be(3);
        }
        else
        {
            var answer = async () => await call;
            (await answer.Should().ThrowAsync<RpcException>()).Which.StatusCode.Should().Be((StatusCode)status);
        }
    }

    [Fact(Timeout = 60_000)]
    public async Task Prefix_BeforeTheMethod_LeadsToIt()
    {
        using var transport = new GrpcTransport();
        await using var channel = await transport.ConnectAsync(new Uri($"grpc+http://127.0.0.1:{new Uri(_server!.Urls.First()).Port}/behind/a/neighbor.Shapes/One"), Token);
        channel.GetFeature<IGrpcClientCallFeature>()!.Method.Should().Be("neighbor.Shapes/One");

        await channel.SendAsync(new Item { Number = 4 }.ToByteArray(), Token);
        await channel.CompleteSendingAsync(Token);

        Item.Parser.ParseFrom((await channel.ReceiveAsync(Token))!.Value.Payload).Number.Should().Be(4);
    }

    private static async Task SendAsync(IMessageChannel channel, Item item) => await channel.SendAsync(item.ToByteArray());

    private static async Task<Item?> ReceiveAsync(IMessageChannel channel)
        => await channel.ReceiveAsync() is { } message ? Item.Parser.ParseFrom(message.Payload) : null;

    private async Task ServeAsync(IMessageChannel channel, CancellationToken stoppingToken)
    {
        var call = channel.GetFeature<IGrpcServerCallFeature>()!;
        var first = await ReceiveAsync(channel) ?? new Item();
        switch (call.Method)
        {
            case "neighbor.Shapes/One":
                await EndAsync(channel, call, stoppingToken);
                await SendAsync(channel, first);
                break;
            case "neighbor.Shapes/Down":
                for (var i = 0; i < first.Number; i++)
                {
                    await SendAsync(channel, new Item { Body = first.Body, Number = i });
                }

                break;
            case "neighbor.Shapes/Up":
                var sum = first.Number;
                while (await ReceiveAsync(channel) is { } item)
                {
                    sum += item.Number;
                }

                await SendAsync(channel, new Item { Number = sum });
                break;
            default:
                for (var item = first; item is not null; item = await ReceiveAsync(channel))
                {
                    await SendAsync(channel, item);
                    if (call.RequestHeaders.GetValue("early") is not null)
                    {
                        await EndAsync(channel, call, stoppingToken);
                        break;
                    }
                }

                break;
        }
    }

    private async Task EndAsync(IMessageChannel channel, IGrpcServerCallFeature call, CancellationToken stoppingToken)
    {
        var headers = call.RequestHeaders;
        if (headers.GetValue("echo") is { } echo)
        {
            call.ResponseHeaders.Add("echo", echo);
            headers.TryGetBinaryValue("echo-bin", out var bytes);
            call.ResponseTrailers.Add("echo-bin", bytes);
        }

        if (headers.GetValue("wait") is not null)
        {
            _inside.TrySetResult();
            _left.TrySetResult(await channel.Closed);
        }

        if (headers.GetValue("until-stopping") is not null)
        {
            await using var registration = stoppingToken.Register(_stopping.SetResult);
            _inside.TrySetResult();
            await _stopping.Task;
        }

        if (headers.GetValue("rich") is not null)
        {
            call.SetStatus((GrpcStatusCode)NeighborService.RichStatus.Code, NeighborService.RichStatus.Message);
            call.ResponseTrailers.Add("grpc-status-details-bin", NeighborService.RichStatus.ToByteArray());
        }

        if (headers.GetValue("status") is { } status)
        {
            call.SetStatus((GrpcStatusCode)int.Parse(status, System.Globalization.CultureInfo.InvariantCulture), "words: ü");
        }
    }
}
