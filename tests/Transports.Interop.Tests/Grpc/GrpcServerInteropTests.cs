using System.Globalization;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;

namespace Transports.Interop.Tests;

/// <summary>Clients of other languages, with our server.</summary>
public sealed class GrpcServerInteropTests
{
    private static readonly string[] s_cases =
    [
        "unary", "server-streaming", "client-streaming", "bidirectional", "half-close", "error", "3mb", "60mb", "metadata", "deadline",
        "cancellation", "oversize", "unknown-method", "gzip",
    ];

    private readonly TaskCompletionSource _cancelled = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public static TheoryData<string, string> Cases
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach (var language in new[] { "python", "node" })
            {
                foreach (var name in s_cases)
                {
                    data.Add(language, name);
                }
            }

            return data;
        }
    }

    [Theory(Timeout = 90_000), MemberData(nameof(Cases))]
    public async Task Client(string language, string name)
    {
        Peer.Require(language);
        await using var app = await StartAsync();
        var port = new Uri(app.Urls.First()).Port.ToString(CultureInfo.InvariantCulture);

        await using var client = Peer.Start(language, language == "python" ? "Grpc/grpc_client.py" : "Grpc/grpc_client.js", port, name);

        (await client.ReadLineAsync()).Should().Be("ok");
    }

    [Theory(Timeout = 60_000)]
    [InlineData("binary")]
    [InlineData("text")]
    public async Task GrpcWebClient(string format)
    {
        Peer.Require("node");
        await using var app = await StartAsync(HttpProtocols.Http1);
        var port = new Uri(app.Urls.First()).Port.ToString(CultureInfo.InvariantCulture);

        await using var client = Peer.Start("node", "Grpc/grpc_web_client.js", port, format);

        (await client.ReadLineAsync()).Should().Be("ok");
    }

    private async Task<WebApplication> StartAsync(HttpProtocols protocols = HttpProtocols.Http2)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddRoutingCore();
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
            kestrel.Listen(System.Net.IPAddress.Loopback, 0, listen => listen.Protocols = protocols));
        var app = builder.Build();
        app.UseRouting();
        var options = new MessageChannelEndpointOptions { MaxMessageSize = 4 << 20, Grpc = { EnableCompression = true } };
        app.MapGrpcMessageChannel("interop.Test/Unary", UnaryAsync, options);
        app.MapGrpcMessageChannel("interop.Test/ServerStream", ServerStreamAsync, options);
        app.MapGrpcMessageChannel("interop.Test/ClientStream", ClientStreamAsync, options);
        app.MapGrpcMessageChannel("interop.Test/Both", BothAsync, options);
        app.MapGrpcMessageChannel("interop.Test/Thrice", ThriceAsync, options);
        app.MapGrpcMessageChannel("interop.Test/Fail", FailAsync, options);
        await app.StartAsync(TestContext.Current.CancellationToken);
        return app;
    }

    private async Task UnaryAsync(IMessageChannel channel, CancellationToken stoppingToken)
    {
        var request = (await channel.ReceiveAsync(stoppingToken))!.Value.ToArray();
        var call = channel.GetFeature<IGrpcServerCallFeature>()!;
        if (call.RequestHeaders.GetValue("tenant") is { } tenant)
        {
            call.ResponseHeaders.Add("tenant-back", tenant);
            call.RequestHeaders.TryGetBinaryValue("blob-bin", out var blob);
            call.ResponseTrailers.Add("blob-back-bin", blob);
        }

        switch (request.Length < 20 ? Encoding.UTF8.GetString(request) : "")
        {
            case "fail":
                call.SetStatus(GrpcStatusCode.NotFound, "Größe 100 % – nicht da ✓");
                break;
            case "cancelled?":
                await _cancelled.Task.WaitAsync(stoppingToken);
                await channel.SendAsync("yes"u8.ToArray(), stoppingToken);
                break;
            default:
                await channel.SendAsync(request, stoppingToken);
                break;
        }
    }

    private static async Task ServerStreamAsync(IMessageChannel channel, CancellationToken stoppingToken)
    {
        var count = (await channel.ReceiveAsync(stoppingToken))!.Value.Payload.FirstSpan[0];
        for (byte i = 0; i < count; i++)
        {
            await channel.SendAsync(new[] { i }, stoppingToken);
        }
    }

    private static async Task ThriceAsync(IMessageChannel channel, CancellationToken stoppingToken)
    {
        var request = (await channel.ReceiveAsync(stoppingToken))!.Value.ToArray();
        for (var i = 0; i < 3; i++)
        {
            await channel.SendAsync(request, stoppingToken);
        }
    }

    private static Task FailAsync(IMessageChannel channel, CancellationToken stoppingToken)
    {
        channel.GetFeature<IGrpcServerCallFeature>()!.SetStatus(GrpcStatusCode.NotFound, "Größe 100 % – nicht da ✓");
        return Task.CompletedTask;
    }

    private static async Task ClientStreamAsync(IMessageChannel channel, CancellationToken stoppingToken)
    {
        long sum = 0;
        while (await channel.ReceiveAsync(stoppingToken) is { } message)
        {
            sum += message.Length;
        }

        await channel.SendAsync(Encoding.UTF8.GetBytes(sum.ToString(CultureInfo.InvariantCulture)), stoppingToken);
    }

    private async Task BothAsync(IMessageChannel channel, CancellationToken stoppingToken)
    {
        while (await channel.ReceiveAsync(stoppingToken) is { } message)
        {
            var hangs = message.Length == 4 && message.GetText() == "hang";
            await channel.SendAsync(message, stoppingToken);
            if (hangs)
            {
                var end = await channel.Closed.WaitAsync(stoppingToken);
                if (end is { Status: ChannelCloseStatus.ConnectionLost, IsRemote: true })
                {
                    _cancelled.TrySetResult();
                }

                return;
            }
        }

        if (channel.GetFeature<IGrpcServerCallFeature>()!.RequestHeaders.GetValue("epilogue") is not null)
        {
            await channel.SendAsync("epilogue"u8.ToArray(), stoppingToken);
        }
    }
}
