using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Transports.Grpc.Tests;

/// <summary>A peer that has stopped without a word is noticed by HTTP/2's pings, on either side.</summary>
public class KeepAliveTests
{
    private static readonly TimeSpan s_shortest = TimeSpan.FromSeconds(1);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact(Timeout = 60_000)]
    public async Task Closed_ServerStopped_ClientThatReceivesNotices()
    {
        TcpRelay? relay = null;
        await using var pair = await GrpcPair.OpenAsync(
            new GrpcTransportOptions { KeepAliveInterval = s_shortest, KeepAliveTimeout = s_shortest },
            between: address => (relay = new TcpRelay(address)).Through(address));
        await using var _ = relay;
        var receiving = pair.Client.ReceiveAsync(Token).AsTask();

        relay!.Freeze();

        var receive = () => receiving;
        (await receive.Should().ThrowAsync<MessageChannelClosedException>()).Which.CloseInfo.Should().BeEquivalentTo(
            new { Status = ChannelCloseStatus.TimedOut, IsRemote = true, ProtocolErrorCode = (long)GrpcStatusCode.Unavailable });
        pair.Client.Closed.IsCompleted.Should().BeTrue();
        pair.Server.Abort();
    }

    [Fact(Timeout = 60_000)]
    public async Task Closed_ClientStopped_ServerThatNeitherSendsNorReceivesNotices()
    {
        TcpRelay? relay = null;
        await using var pair = await GrpcPair.OpenAsync(
            server: new KestrelTransportOptions { Http2 = { KeepAliveInterval = s_shortest, KeepAliveTimeout = s_shortest } },
            between: address => (relay = new TcpRelay(address)).Through(address));
        await using var _ = relay;

        relay!.Freeze();

        (await pair.Server.Closed.WaitAsync(Token)).Should().BeEquivalentTo(new { Status = ChannelCloseStatus.ConnectionLost, IsRemote = true });
        pair.Client.Abort();
    }

    [Fact]
    public async Task MapGrpcMessageChannel_Defaults_TurnKestrelsPingsOn()
    {
        await using var app = ScriptedServer.Build(HttpProtocols.Http2);
        app.UseRouting();

        app.MapGrpcMessageChannel("a.B/C", EchoServer.EchoAsync);

        var http2 = app.Services.GetRequiredService<IOptions<KestrelServerOptions>>().Value.Limits.Http2;
        http2.KeepAlivePingDelay.Should().Be(TimeSpan.FromSeconds(30));
        http2.KeepAlivePingTimeout.Should().Be(TimeSpan.FromSeconds(20));
    }

    [Fact]
    public async Task MapMessageChannel_ApplicationsOwnSetting_Stays()
    {
        await using var app = ScriptedServer.Build(HttpProtocols.Http2);
        app.UseRouting();
        var http2 = app.Services.GetRequiredService<IOptions<KestrelServerOptions>>().Value.Limits.Http2;
        app.MapMessageChannel("/one", EchoServer.EchoAsync, new MessageChannelEndpointOptions { Http2 = { KeepAliveInterval = Timeout.InfiniteTimeSpan } });
        http2.KeepAlivePingDelay.Should().Be(TimeSpan.MaxValue);
        http2.KeepAlivePingDelay = TimeSpan.FromMinutes(7);

        app.MapMessageChannel("/two", EchoServer.EchoAsync);

        http2.KeepAlivePingDelay.Should().Be(TimeSpan.FromMinutes(7));
    }

    [Fact(Timeout = 60_000)]
    public async Task MapGrpcMessageChannel_ClientStopped_HandlersChannelEnds()
    {
        await using var app = ScriptedServer.Build(HttpProtocols.Http2);
        app.UseRouting();
        var opened = new TaskCompletionSource<IMessageChannel>(TaskCreationOptions.RunContinuationsAsynchronously);
        app.MapGrpcMessageChannel(
            "a.B/C",
            async (channel, _) =>
            {
                opened.SetResult(channel);
                await channel.Closed;
            },
            new MessageChannelEndpointOptions { Http2 = { KeepAliveInterval = s_shortest, KeepAliveTimeout = s_shortest } });
        await app.StartAsync(Token);
        var address = new Uri($"grpc+http://127.0.0.1:{new Uri(app.Urls.First()).Port}/a.B/C");
        await using var relay = new TcpRelay(address);
        using var transport = new GrpcTransport();
        await using var client = await transport.ConnectAsync(relay.Through(address), Token);
        var server = await opened.Task.WaitAsync(Token);

        relay.Freeze();

        (await server.Closed.WaitAsync(Token)).Status.Should().Be(ChannelCloseStatus.ConnectionLost);
        client.Abort();
    }
}
