using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;

namespace Transports.Grpc.Tests;

/// <summary>An HTTP/2 server that answers every request with what the test says.</summary>
internal sealed class ScriptedServer : IAsyncDisposable
{
    private readonly WebApplication _application;

    private ScriptedServer(WebApplication application) => _application = application;

    public Uri Address => new($"grpc+http://127.0.0.1:{BindingAddress.Parse(_application.Urls.First()).Port}/any.Service/Method");

    public static async Task<ScriptedServer> StartAsync(RequestDelegate answer)
    {
        var server = Build(HttpProtocols.Http2);
        server.Run(answer);
        await server.StartAsync(TestContext.Current.CancellationToken);
        return new ScriptedServer(server);
    }

    public static WebApplication Build(HttpProtocols protocols)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddRoutingCore();
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(System.Net.IPAddress.Loopback, 0, listen => listen.Protocols = protocols));
        return builder.Build();
    }

    public async ValueTask DisposeAsync()
    {
        using var now = new CancellationTokenSource();
        await now.CancelAsync();
        await ((Task)_application.StopAsync(now.Token)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _application.DisposeAsync();
    }
}
