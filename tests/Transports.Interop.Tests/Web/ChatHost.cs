using Chat;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace Transports.Interop.Tests;

/// <summary>The Chat sample's server, on free ports.</summary>
internal sealed class ChatHost : IAsyncDisposable
{
    private readonly WebApplication _app;

    private ChatHost(WebApplication app, Requests requests)
    {
        _app = app;
        Requests = requests;
        Page = new Uri(app.Urls.First());
        Tcp = app.Services.GetRequiredKeyedService<HostedMessageServer>(ChatServer.TcpServer).LocalAddress!;
    }

    public Requests Requests { get; }

    public Uri Page { get; }

    public Uri Tcp { get; }

    public Uri WebSocket => new($"ws://{Page.Authority}/chat");

    public Uri Sse => new($"sse+http://{Page.Authority}/chat?duplex");

    public static async Task<ChatHost> StartAsync()
    {
        var app = ChatServer.Build(["--urls", "http://127.0.0.1:0", "--Transports:Servers:chat:Address", "tcp://127.0.0.1:0", "--Logging:LogLevel:Default", "None"]);
        var requests = new Requests();
        requests.Watch(app);
        await app.StartAsync(TestContext.Current.CancellationToken);
        return new ChatHost(app, requests);
    }

    public async ValueTask DisposeAsync()
    {
        using var now = new CancellationTokenSource(TimeSpan.FromSeconds(2));
        await _app.StopAsync(now.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _app.DisposeAsync();
    }
}
