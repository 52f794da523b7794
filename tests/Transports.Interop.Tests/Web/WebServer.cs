using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;

namespace Transports.Interop.Tests;

/// <summary>A web server on loopback with one route, <c>/channel</c>.</summary>
internal sealed class WebServer : IAsyncDisposable
{
    private readonly WebApplication _app;

    private WebServer(WebApplication app, Requests requests)
    {
        _app = app;
        Requests = requests;
        Port = new Uri(app.Urls.First()).Port;
    }

    public int Port { get; }

    public Requests Requests { get; }

    public static async Task<WebServer> StartAsync(MessageChannelHandler handler, MessageChannelEndpointOptions? options = null, HttpProtocols protocols = HttpProtocols.Http1)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddRoutingCore();
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = protocols);
        });
        var app = builder.Build();
        var requests = new Requests();
        requests.Watch(app);
        app.UseRouting();
        app.MapMessageChannel("/channel", handler, options);
        await app.StartAsync(TestContext.Current.CancellationToken);
        return new WebServer(app, requests);
    }

    public Uri Address(string scheme, string query = "") => new($"{scheme}://127.0.0.1:{Port}/channel{query}");

    public async ValueTask DisposeAsync()
    {
        // Peers that a failed test left behind are not waited for.
        using var now = new CancellationTokenSource(TimeSpan.FromSeconds(2));
        await _app.StopAsync(now.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _app.DisposeAsync();
    }
}
