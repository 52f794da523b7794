using System.Net.Mime;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;

namespace Transports.Interop.Tests;

/// <summary>A page in Debian's Chromium that talks gRPC-Web by fetch, WebSocket and SSE to one route of its own server.</summary>
public sealed class GrpcWebPageTests
{
    [Fact(Timeout = 120_000)]
    public async Task OneRoute_AllThreeWays_AreServed()
    {
        Peer.RequireFile("/usr/bin/chromium", "chromium", "chromium");
        Peer.RequireNode("puppeteer-core");
        await using var app = Build();
        await app.StartAsync(TestContext.Current.CancellationToken);
        var profile = Directory.CreateTempSubdirectory("transports-chromium-");
        try
        {
            await using var page = Peer.Start("node", "Grpc/grpc_web_page.js", app.Urls.First(), profile.FullName);

            (await page.ReadLineAsync()).Should().Be("ok");
        }
        finally
        {
            profile.Delete(recursive: true);
        }
    }

    private static WebApplication Build()
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddRoutingCore();
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
            kestrel.Listen(System.Net.IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http1));
        var app = builder.Build();
        app.UseRouting();
        app.MapGet("/", static context =>
        {
            context.Response.ContentType = MediaTypeNames.Text.Html;
            return context.Response.WriteAsync("<!doctype html><title>gRPC-Web</title>");
        });
        app.MapMessageChannel("/interop.Test/Any", AnswerAsync);
        return app;
    }

    // Greets, then sends each message back twice, and says at last how it ended where the protocol can.
    private static async Task AnswerAsync(IMessageChannel channel, CancellationToken stoppingToken)
    {
        await channel.SendAsync("welcome", stoppingToken);
        while (channel.Characteristics.Direction == ChannelDirection.Bidirectional && await channel.ReceiveAsync(stoppingToken) is { } message)
        {
            var text = message.GetText();
            await channel.SendAsync(text, stoppingToken);
            await channel.SendAsync(text, stoppingToken);
        }

        channel.GetFeature<IGrpcServerCallFeature>()?.SetStatus(GrpcStatusCode.OutOfRange, "Größe 100 %");
    }
}
