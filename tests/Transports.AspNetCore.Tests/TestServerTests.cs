using System.Net.WebSockets;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.TestHost;
using Microsoft.Extensions.DependencyInjection;

namespace Transports.AspNetCore.Tests;

/// <summary>An endpoint in a host that opens WebSockets itself, as the test server of ASP.NET Core does.</summary>
public sealed class TestServerTests : IAsyncDisposable
{
    private WebApplication? _application;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync()
    {
        if (_application is not null)
        {
            await _application.DisposeAsync();
        }
    }

    [Fact]
    public async Task WebSocket_OfTheTestServer_IsAChannel()
    {
        var ended = new TaskCompletionSource<IMessageChannel>(TaskCreationOptions.RunContinuationsAsynchronously);
        var server = await StartAsync(async (channel, stoppingToken) =>
        {
            while (await channel.ReceiveAsync(stoppingToken) is { } message)
            {
                await channel.SendAsync(message, stoppingToken);
            }

            ended.SetResult(channel);
        });
        var client = server.CreateWebSocketClient();
        client.SubProtocols.Add("chat");
        using var socket = await client.ConnectAsync(new Uri("ws://localhost/rooms/blue"), Token);
        socket.SubProtocol.Should().Be("chat");
        var buffer = new byte[100];
        foreach (var text in new[] { "hello", "" })
        {
            await socket.SendAsync(Encoding.UTF8.GetBytes(text), WebSocketMessageType.Text, true, Token);
            var result = await socket.ReceiveAsync(buffer, Token);
            Encoding.UTF8.GetString(buffer, 0, result.Count).Should().Be(text);
            result.MessageType.Should().Be(WebSocketMessageType.Text);
        }

        await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, "bye", Token);
        var channel = await ended.Task.WaitAsync(Token);
        channel.GetFeature<IHttpChannelFeature>()!.RouteValues["room"].Should().Be("blue");
        channel.GetFeature<IWebSocketFeature>()!.SubProtocol.Should().Be("chat");
        (await channel.Closed).Should().Match<ChannelCloseInfo>(static info => info.Status == ChannelCloseStatus.Normal && info.IsRemote);
    }

    [Fact]
    public async Task WebSocket_ClosedByTheHandler_TellsTheStatus()
    {
        var server = await StartAsync(static (channel, stoppingToken) => channel.CloseAsync(ChannelCloseStatus.PolicyViolation, "no", stoppingToken).AsTask());
        var client = server.CreateWebSocketClient();
        using var socket = await client.ConnectAsync(new Uri("ws://localhost/rooms/blue"), Token);
        var result = await socket.ReceiveAsync(new byte[100], Token);
        result.CloseStatus.Should().Be(WebSocketCloseStatus.PolicyViolation);
        result.CloseStatusDescription.Should().Be("no");
    }

    [Fact]
    public async Task WebSocket_OfAForeignPage_IsRefused()
    {
        var server = await StartAsync(static (channel, _) => channel.Closed);
        var client = server.CreateWebSocketClient();
        client.ConfigureRequest = static request => request.Headers.Origin = "https://evil.example";
        await FluentActions.Awaiting(() => client.ConnectAsync(new Uri("ws://localhost/rooms/blue"), Token)).Should().ThrowAsync<InvalidOperationException>().WithMessage("*403*");
    }

    [Fact]
    public async Task MapMessageChannel_WithoutOptions_TakesTheApplications()
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseTestServer();
        builder.Services.AddRoutingCore();
        builder.Services.Configure<MessageChannelEndpointOptions>(static options =>
        {
            options.MaxMessageSize = 100;
            options.WebSockets.SubProtocols.Add("of-all");
        });
        _application = builder.Build();
        _application.UseRouting();
        _application.MapMessageChannel("/", static (channel, stoppingToken) => channel.ReceiveAsync(stoppingToken).AsTask());
        await _application.StartAsync(Token);
        var client = _application.GetTestServer().CreateWebSocketClient();
        client.SubProtocols.Add("of-all");

        using var socket = await client.ConnectAsync(new Uri("ws://localhost/"), Token);
        await socket.SendAsync(new byte[101], WebSocketMessageType.Binary, true, Token);
        await socket.ReceiveAsync(new byte[100], Token);

        socket.SubProtocol.Should().Be("of-all");
        socket.CloseStatus.Should().Be(WebSocketCloseStatus.MessageTooBig);
    }

    private async Task<TestServer> StartAsync(MessageChannelHandler handler)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseTestServer();
        builder.Services.AddRoutingCore();
        _application = builder.Build();
        _application.UseRouting();
        var options = new MessageChannelEndpointOptions();
        options.WebSockets.SubProtocols.Add("chat");
        _application.MapMessageChannel("/rooms/{room}", handler, options);
        await _application.StartAsync(Token);
        return _application.GetTestServer();
    }
}
