using System.Net;
using System.Security.Claims;
using Microsoft.AspNetCore.Builder;

namespace Transports.AspNetCore.Tests;

/// <summary>Routes behind a <see cref="ConnectionGuard"/>.</summary>
public sealed class GuardedEndpointTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task EventStream_ClientHasTooMany_Is429WithRetryAfter()
    {
        var guard = new ConnectionGuard(new() { MaxChannelsPerAddress = 1 });
        await using var application = await EventApplication.StartAsync(WaitAsync, new() { Guard = guard });
        using var first = await application.OpenAsync();
        first.StatusCode.Should().Be(HttpStatusCode.OK);

        using var second = await application.OpenAsync();

        second.StatusCode.Should().Be(HttpStatusCode.TooManyRequests);
        second.Headers.RetryAfter!.Delta.Should().Be(TimeSpan.FromSeconds(1));
        (await second.Content.ReadAsStringAsync(Token)).Should().Contain("from your address");
    }

    [Fact]
    public async Task WebSocket_ServerIsFull_Is503BeforeTheUpgrade()
    {
        var guard = new ConnectionGuard(new() { MaxChannels = 1 });
        await using var application = await EventApplication.StartAsync(WaitAsync, new() { Guard = guard });
        using var webSockets = new WebSocketTransport();
        var address = new UriBuilder(application.Address) { Scheme = "ws" }.Uri;
        await using var first = await webSockets.ConnectAsync(address, Token);

        var refusal = await webSockets.Awaiting(w => w.ConnectAsync(address, Token).AsTask()).Should().ThrowAsync<TransportException>();

        refusal.Which.Message.Should().Contain("503");
        guard.RefusedCount.Should().Be(1);
    }

    [Fact]
    public async Task EventStream_RequestsOfAnOpenSession_TakeNoPlace()
    {
        var received = new TaskCompletionSource<string>();
        var guard = new ConnectionGuard(new() { MaxChannels = 1, AcceptBurst = 1, MaxAcceptsPerSecond = 1 }, timeProvider: new StoppedTime());
        await using var application = await EventApplication.StartAsync(
            async (channel, stopping) =>
            {
                received.SetResult((await channel.ReceiveAsync(stopping))!.Value.GetText());
                await channel.ReceiveAsync(stopping);
            },
            new() { Guard = guard });
        using var stream = await application.OpenAsync(application.DuplexAddress);

        using var posted = await application.PostAsync(EventApplication.SessionOf(stream), "text/plain", "hello");

        posted.IsSuccessStatusCode.Should().BeTrue();
        (await received.Task.WaitAsync(Token)).Should().Be("hello");
        guard.ChannelCount.Should().Be(1);
    }

    [Fact]
    public async Task WebSocket_BadHandshake_GivesItsPlaceBack()
    {
        var guard = new ConnectionGuard();
        await using var application = await EventApplication.StartAsync(WaitAsync, new() { Guard = guard });

        using var response = await application.OpenAsync(("Upgrade", "websocket"), ("Accept", "*/*"));

        response.IsSuccessStatusCode.Should().BeFalse();
        guard.ChannelCount.Should().Be(0);
        guard.RefusedCount.Should().Be(0);
    }

    [Fact]
    public async Task EventStream_PrincipalHasTooMany_OthersAreServed()
    {
        var guard = new ConnectionGuard(new() { MaxChannelsPerPrincipal = 1 });
        await using var application = await EventApplication.StartAsync(
            WaitAsync,
            new() { Guard = guard },
            middleware: app => app.Use((context, next) =>
            {
                var name = context.Request.Headers["X-User"].ToString();
                context.User = new ClaimsPrincipal(new ClaimsIdentity(name.Length == 0 ? [] : [new Claim(ClaimTypes.Name, name)], name.Length == 0 ? null : "test"));
                return next(context);
            }));
        using var ann = await application.OpenAsync(("X-User", "ann"));

        using var annAgain = await application.OpenAsync(("X-User", "ann"));
        using var bob = await application.OpenAsync(("X-User", "bob"));
        using var nobody = await application.OpenAsync();
        using var nobodyAgain = await application.OpenAsync();

        annAgain.StatusCode.Should().Be(HttpStatusCode.TooManyRequests);
        new[] { ann, bob, nobody, nobodyAgain }.Should().OnlyContain(response => response.StatusCode == HttpStatusCode.OK);
    }

    [Fact]
    public async Task Listener_ChannelsDisposed_GiveTheirPlacesBack()
    {
        var guard = new ConnectionGuard(new() { MaxChannels = 1 });
        var transport = new KestrelTransport(new KestrelTransportOptions { Guard = guard });
        await using var listener = await transport.ListenAsync(new Uri("ws://127.0.0.1:0/"), Token);
        using var webSockets = new WebSocketTransport();
        for (var i = 0; i < 3; i++)
        {
            await using var client = await webSockets.ConnectAsync(listener.LocalAddress, Token);
            var server = (await listener.AcceptAsync(Token))!;
            guard.ChannelCount.Should().Be(1);
            await server.DisposeAsync();
            guard.ChannelCount.Should().Be(0);
        }
    }

    private static async Task WaitAsync(IMessageChannel channel, CancellationToken stopping) => await Task.WhenAny(channel.Closed, Task.Delay(Timeout.Infinite, stopping));

    private sealed class StoppedTime : TimeProvider
    {
        public override long GetTimestamp() => 0;
    }
}
