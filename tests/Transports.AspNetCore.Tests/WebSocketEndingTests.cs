using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;

namespace Transports.AspNetCore.Tests;

/// <summary>How a served WebSocket's connection ends, and what its handler learns of that.</summary>
public sealed class WebSocketEndingTests : IAsyncDisposable
{
    private readonly TaskCompletionSource _aborted = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private WebApplication? _application;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync()
    {
        if (_application is not null)
        {
            await _application.DisposeAsync();
        }
    }

    [Theory]
    [InlineData("close frame", ChannelCloseStatus.GoingAway)]
    [InlineData("close", ChannelCloseStatus.ConnectionLost)]
    [InlineData("reset", ChannelCloseStatus.ConnectionLost)]
    [InlineData("shutdown", ChannelCloseStatus.ConnectionLost)]
    public async Task Send_ClientThatIsGone_EndsTheHandlerThatOnlySends(string how, ChannelCloseStatus status)
    {
        var ended = new TaskCompletionSource<ChannelCloseInfo>(TaskCreationOptions.RunContinuationsAsynchronously);
        var address = await StartAsync(async (channel, _) =>
        {
            try
            {
                while (true)
                {
                    await channel.SendAsync(Message.FromText("tick"), Token);
                    await Task.Yield();
                }
            }
            catch (MessageChannelClosedException e)
            {
                ended.SetResult(e.CloseInfo);
            }
        });
        await using var client = await RawClient.ConnectAsync(address);
        await client.HandshakeAsync(address);
        await client.ReadFrameAsync();
        switch (how)
        {
            case "close frame":
                await client.SendFrameAsync(0x88, 0x03, 0xE9);
                (await client.ReadCloseCodeAsync()).Should().Be(1001);
                break;
            case "close":
                await client.DisposeAsync();
                break;
            case "reset":
                client.Reset();
                break;
            default:
                client.ShutdownSending();
                break;
        }

        (await ended.Task.WaitAsync(Token)).Status.Should().Be(status);
    }

    [Theory]
    [InlineData("close frame", ChannelCloseStatus.GoingAway)]
    [InlineData("close", ChannelCloseStatus.ConnectionLost)]
    [InlineData("reset", ChannelCloseStatus.ConnectionLost)]
    [InlineData("shutdown", ChannelCloseStatus.ConnectionLost)]
    public async Task Closed_ClientThatIsGone_CompletesThoughTheHandlerDoesNothing(string how, ChannelCloseStatus status)
    {
        var ended = new TaskCompletionSource<ChannelCloseInfo>(TaskCreationOptions.RunContinuationsAsynchronously);
        var address = await StartAsync(async (channel, _) => ended.SetResult(await channel.Closed));
        await using var client = await RawClient.ConnectAsync(address);
        await client.HandshakeAsync(address);
        await client.SendFrameAsync(0x82, 7);
        switch (how)
        {
            case "close frame":
                await client.SendFrameAsync(0x88, 0x03, 0xE9);
                break;
            case "close":
                await client.DisposeAsync();
                break;
            case "reset":
                client.Reset();
                break;
            default:
                client.ShutdownSending();
                break;
        }

        (await ended.Task.WaitAsync(Token)).Status.Should().Be(status);
    }

    [Fact]
    public async Task Receive_ClientThatIsGone_GetsWhatItSentBefore()
    {
        var received = new TaskCompletionSource<List<string>>(TaskCreationOptions.RunContinuationsAsynchronously);
        var address = await StartAsync(async (channel, _) =>
        {
            // The host knows of the end already when the handler begins to look.
            await _aborted.Task;
            var texts = new List<string>();
            while (await channel.ReceiveAsync(Token) is { } message)
            {
                texts.Add(message.GetText());
            }

            received.SetResult(texts);
        });
        await using var client = await RawClient.ConnectAsync(address);
        await client.HandshakeAsync(address);
        await client.SendFrameAsync(0x81, (byte)'a');
        await client.SendFrameAsync(0x81, (byte)'b');
        await client.SendFrameAsync(0x88, 0x03, 0xE8);
        client.ShutdownSending();
        (await received.Task.WaitAsync(Token)).Should().Equal("a", "b");
    }

    [Fact]
    public async Task Close_ByBothSides_EndsTheConnectionThoughTheHandlerGoesOn()
    {
        var finish = new TaskCompletionSource();
        var finished = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var address = await StartAsync(async (channel, _) =>
        {
            (await channel.ReceiveAsync(Token)).Should().BeNull();
            await finish.Task;
            channel.GetFeature<IHttpChannelFeature>()!.RouteValues["room"].Should().Be("blue");
            finished.SetResult();
        });
        await using var client = await RawClient.ConnectAsync(address);
        await client.HandshakeAsync(address);
        await client.SendFrameAsync(0x88, 0x03, 0xE8);
        (await client.ReadCloseCodeAsync()).Should().Be(1000);

        // RFC 6455, section 7.1.1: the server ends the connection, and at once.
        await client.ReadToEndAsync();
        finish.SetResult();
        await finished.Task.WaitAsync(Token);
    }

    private async Task<Uri> StartAsync(MessageChannelHandler handler)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0");
        builder.Services.AddRoutingCore();
        _application = builder.Build();
        _application.Use((context, next) =>
        {
            context.RequestAborted.Register(_aborted.SetResult);
            return next(context);
        });
        _application.UseRouting();
        _application.MapMessageChannel("/rooms/{room}", handler);
        await _application.StartAsync(Token);
        return new Uri(_application.Urls.Single() + "/rooms/blue");
    }
}
