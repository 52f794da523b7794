using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Transports.WebSockets.Tests;

/// <summary>A server that reads one request's head a connection and answers by hand, right or wrong.</summary>
internal sealed class RawServer : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly Func<NetworkStream, string, Task> _serve;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _running;

    private RawServer(Func<NetworkStream, string, Task> serve)
    {
        _serve = serve;
        _listener.Start();
        _running = RunAsync();
    }

    public Uri Address => new($"ws://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}/ws");

    /// <summary>Starts one.</summary>
    /// <param name="serve">Given the connection and the request's head; the connection ends when it is done.</param>
    public static RawServer Start(Func<NetworkStream, string, Task> serve) => new(serve);

    /// <summary>Starts one that answers every request the same, and keeps the connection open.</summary>
    /// <param name="answer">Makes the answer out of the accept key that belongs to the request.</param>
    public static RawServer Start(Func<string, string> answer) => new(async (stream, head) =>
    {
        await stream.WriteAsync(Encoding.Latin1.GetBytes(answer(AcceptOf(head))));
        await ReadToEndAsync(stream);
    });

    /// <summary>The value of a header in a head; null when it is not there.</summary>
    public static string? HeaderOf(string head, string name)
        => head.Split("\r\n").FirstOrDefault(line => line.StartsWith(name + ":", StringComparison.OrdinalIgnoreCase))?[(name.Length + 1)..].Trim();

    public static string AcceptOf(string head) => HeaderOf(head, "Sec-WebSocket-Key") is { } key ? WebSocketHandshake.Accept(key) : "";

    public static async Task ReadToEndAsync(NetworkStream stream)
    {
        var scratch = new byte[1024];
        while (await stream.ReadAsync(scratch) > 0)
        {
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Stop();
        await _running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    private async Task RunAsync()
    {
        while (true)
        {
            _ = ServeAsync(await _listener.AcceptSocketAsync(_stop.Token));
        }
    }

    private async Task ServeAsync(Socket socket)
    {
        await using var stream = new NetworkStream(socket, ownsSocket: true);
        using var stop = _stop.Token.UnsafeRegister(static socket => ((Socket)socket!).Dispose(), socket);
        try
        {
            var head = new StringBuilder();
            var one = new byte[1];
            while (!head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
            {
                await stream.ReadExactlyAsync(one);
                head.Append((char)one[0]);
            }

            await _serve(stream, head.ToString());
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // The client has gone.
        }
    }
}
