using System.Net.WebSockets;
using System.Threading.Channels;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Transports.Benchmarks;

/// <summary>What the platform offers by itself: <see cref="ClientWebSocket"/> and Kestrel's WebSockets, a send and a receive for each message.</summary>
internal sealed class WebSocketBaseline : IBenchmarkSide
{
    private readonly Work _work;
    private readonly WebApplication _server;
    private readonly IReadOnlyList<(WebSocket Client, WebSocket Server, TaskCompletionSource Done)> _pairs;
    private readonly Task[] _echoes;
    private readonly byte[] _payload;

    private WebSocketBaseline(Work work, WebApplication server, IReadOnlyList<(WebSocket Client, WebSocket Server, TaskCompletionSource Done)> pairs)
    {
        _work = work;
        _server = server;
        _pairs = pairs;
        _payload = new byte[work.PayloadSize];
        _payload.AsSpan().Fill(0x2A);
        _echoes = work.Pattern == WorkPattern.Flood ? [] : [.. pairs.Select(pair => Task.Run(() => EchoAsync(pair.Server)))];
    }

    public static async Task<IBenchmarkSide> OpenAsync(Work work)
    {
        var accepted = Channel.CreateUnbounded<(WebSocket, TaskCompletionSource)>();
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(System.Net.IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http1));
        var server = builder.Build();
        server.UseWebSockets();
        server.Run(async context =>
        {
            var done = new TaskCompletionSource();
            accepted.Writer.TryWrite((await context.WebSockets.AcceptWebSocketAsync(), done));
            await done.Task;
        });
        await server.StartAsync();
        var address = new Uri(server.Urls.First().Replace("http", "ws", StringComparison.Ordinal));
        var pairs = new List<(WebSocket, WebSocket, TaskCompletionSource)>();
        for (var i = 0; i < work.Connections; i++)
        {
            var client = new ClientWebSocket();
            await client.ConnectAsync(address, CancellationToken.None);
            var (socket, done) = await accepted.Reader.ReadAsync();
            pairs.Add((client, socket, done));
        }

        return new WebSocketBaseline(work, server, pairs);
    }

    public Task RunAsync(long messages)
    {
        var each = messages / _pairs.Count;
        return Task.WhenAll(_pairs.Select(pair => RunAsync(pair.Client, pair.Server, each)));
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var (client, server, done) in _pairs)
        {
            client.Abort();
            server.Abort();
            done.TrySetResult();
        }

        await Task.WhenAll(_echoes).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _server.StopAsync();
        await _server.DisposeAsync();
    }

    private static async Task EchoAsync(WebSocket socket)
    {
        var buffer = new byte[128 * 1024];
        while (true)
        {
            var length = await ReceiveOneAsync(socket, buffer);
            await socket.SendAsync(buffer.AsMemory(0, length), WebSocketMessageType.Binary, true, CancellationToken.None);
        }
    }

    private static async ValueTask<int> ReceiveOneAsync(WebSocket socket, byte[] buffer)
    {
        var length = 0;
        while (true)
        {
            var result = await socket.ReceiveAsync(buffer.AsMemory(length), CancellationToken.None);
            length += result.Count;
            if (result.EndOfMessage)
            {
                return length;
            }
        }
    }

    private static async Task ReceiveAsync(WebSocket socket, long messages)
    {
        var buffer = new byte[128 * 1024];
        long sum = 0;
        for (long i = 0; i < messages; i++)
        {
            await ReceiveOneAsync(socket, buffer);
            sum += buffer[0];
        }

        if (sum != messages * 0x2A)
        {
            throw new InvalidDataException("Other bytes arrived than were sent.");
        }
    }

    private Task RunAsync(WebSocket client, WebSocket server, long messages)
    {
        switch (_work.Pattern)
        {
            case WorkPattern.PingPong:
                return Task.Run(() => PingPongAsync(client, messages));
            case WorkPattern.Pipelined:
                return Task.Run(() => PipelineAsync(client, messages));
            default:
                // A WebSocket takes one send at a time.
                var gate = _work.Senders > 1 ? new SemaphoreSlim(1) : null;
                var sending = Enumerable.Range(0, _work.Senders).Select(_ => Task.Run(() => SendAsync(client, messages / _work.Senders, gate)));
                return Task.WhenAll([Task.Run(() => ReceiveAsync(server, messages)), .. sending]);
        }
    }

    private async Task SendAsync(WebSocket socket, long messages, SemaphoreSlim? gate)
    {
        for (long i = 0; i < messages; i++)
        {
            if (gate is not null)
            {
                await gate.WaitAsync();
            }

            await socket.SendAsync(_payload.AsMemory(), WebSocketMessageType.Binary, true, CancellationToken.None);
            gate?.Release();
        }
    }

    private async Task PingPongAsync(WebSocket socket, long messages)
    {
        var buffer = new byte[128 * 1024];
        for (long i = 0; i < messages; i++)
        {
            await socket.SendAsync(_payload.AsMemory(), WebSocketMessageType.Binary, true, CancellationToken.None);
            await ReceiveOneAsync(socket, buffer);
        }
    }

    private async Task PipelineAsync(WebSocket socket, long messages)
    {
        var buffer = new byte[128 * 1024];
        long sent = 0;
        for (long received = 0; received < messages; received++)
        {
            while (sent < messages && sent - received < Work.Window)
            {
                await socket.SendAsync(_payload.AsMemory(), WebSocketMessageType.Binary, true, CancellationToken.None);
                sent++;
            }

            await ReceiveOneAsync(socket, buffer);
        }
    }
}
