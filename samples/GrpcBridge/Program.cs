// A public .proto, served and consumed through typed channels: gRPC's health checking, reachable by any gRPC client, and the
// same handlers over TCP and WebSocket. Listens on loopback, shows every way once, and with --stay goes on serving.
using System.Net;
using GrpcBridge;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Hosting;
using Transports;
using static GrpcBridge.HealthCheckResponse.Types;

var board = new HealthBoard();
board.Set("", ServingStatus.Serving);
board.Set("shop.Orders", ServingStatus.Serving);
var handlers = new HealthHandlers(board);

var builder = WebApplication.CreateSlimBuilder();
builder.WebHost.ConfigureKestrel(kestrel =>
{
    // In cleartext a port speaks either HTTP/2, for gRPC, or HTTP/1.1, for WebSockets. With TLS one port would do.
    kestrel.Listen(IPAddress.Loopback, 0, static listen => listen.Protocols = HttpProtocols.Http2);
    kestrel.Listen(IPAddress.Loopback, 0, static listen => listen.Protocols = HttpProtocols.Http1);
    kestrel.Limits.Http2.KeepAlivePingDelay = TimeSpan.FromSeconds(30);
});
await using var app = builder.Build();
app.MapGrpcMessageChannel("grpc.health.v1.Health/Check", handlers.CheckAsync);
app.MapGrpcMessageChannel("grpc.health.v1.Health/Watch", handlers.WatchAsync);
app.MapMessageChannel("/health/check", handlers.CheckAsync);
app.MapMessageChannel("/health/watch", handlers.WatchAsync);
await app.StartAsync();
var ports = app.Urls.Select(static url => new Uri(url).Port).ToArray();

using var grpc = new GrpcTransport();
using var webSockets = new WebSocketTransport();
var factory = new MessageChannelFactory([new TcpTransport(), webSockets, grpc]);
await using var listener = await factory.ListenAsync(new Uri("tcp://localhost:0"));
await using var tcp = new MessageServer(listener, handlers.CheckAsync);
await tcp.StartAsync();

Uri[] checks =
[
    new($"grpc+http://127.0.0.1:{ports[0]}/grpc.health.v1.Health/Check"),
    new($"ws://127.0.0.1:{ports[1]}/health/check"),
    listener.LocalAddress,
];
foreach (var address in checks)
{
    await using var channel = (await factory.ConnectAsync(address)).WithProtobuf<HealthCheckRequest, HealthCheckResponse>();
    await channel.SendAsync(new HealthCheckRequest { Service = "shop.Orders" });
    Console.WriteLine($"{address}: {(await channel.ReceiveAsync()).Value.Status}");
}

await using (var watch = (await factory.ConnectAsync(new Uri(checks[0], "/grpc.health.v1.Health/Watch"))).WithProtobuf<HealthCheckRequest, HealthCheckResponse>())
{
    await watch.SendAsync(new HealthCheckRequest { Service = "shop.Orders" });
    await watch.CompleteSendingAsync();
    Console.WriteLine($"watching: {(await watch.ReceiveAsync()).Value.Status}");
    board.Set("shop.Orders", ServingStatus.NotServing);
    Console.WriteLine($"watching: {(await watch.ReceiveAsync()).Value.Status}");
    watch.Channel.Abort();
}

if (args.Contains("--stay"))
{
    Console.WriteLine($"Serving grpc.health.v1.Health on 127.0.0.1:{ports[0]}. Stop with Ctrl+C.");
    await app.WaitForShutdownAsync();
}
