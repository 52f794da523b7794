using System.Net.Sockets;
using System.Text;

namespace Transports.AspNetCore.Tests;

/// <summary>A client that writes HTTP and frames by hand, right or wrong.</summary>
internal sealed class RawClient : IAsyncDisposable
{
    private readonly NetworkStream _stream;

    private RawClient(NetworkStream stream) => _stream = stream;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public static async Task<RawClient> ConnectAsync(Uri address)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync("127.0.0.1", address.Port, Token);
        return new RawClient(new NetworkStream(socket, ownsSocket: true));
    }

    /// <summary>Sends a WebSocket handshake. A header given as null is left out.</summary>
    public async Task<string> HandshakeAsync(Uri address, params (string Name, string? Value)[] changes)
    {
        var headers = new Dictionary<string, string?>
        {
            ["Host"] = address.Authority,
            ["Connection"] = "Upgrade",
            ["Upgrade"] = "websocket",
            ["Sec-WebSocket-Version"] = "13",
            ["Sec-WebSocket-Key"] = "dGhlIHNhbXBsZSBub25jZQ==",
        };
        foreach (var (name, value) in changes)
        {
            headers[name] = value;
        }

        return await RequestAsync("GET", address.PathAndQuery, headers);
    }

    /// <summary>Sends a request and reads the answer's head.</summary>
    public async Task<string> RequestAsync(string method, string path, IEnumerable<KeyValuePair<string, string?>> headers, string body = "", string version = "1.1")
    {
        var text = new StringBuilder($"{method} {path} HTTP/{version}\r\n");
        foreach (var (name, value) in headers.Where(static header => header.Value is not null))
        {
            text.Append($"{name}: {value}\r\n");
        }

        await _stream.WriteAsync(Encoding.ASCII.GetBytes(text.Append("\r\n").Append(body).ToString()), Token);
        var head = new StringBuilder();
        var one = new byte[1];
        while (!head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
        {
            await _stream.ReadExactlyAsync(one, Token);
            head.Append((char)one[0]);
        }

        return head.ToString();
    }

    /// <summary>Reads the body that belongs to a head, in chunks or of a known length.</summary>
    public async Task<string> ReadBodyAsync(string head)
    {
        if (!head.Contains("Transfer-Encoding: chunked", StringComparison.OrdinalIgnoreCase))
        {
            var line = head.Split("\r\n").Single(static line => line.StartsWith("Content-Length:", StringComparison.OrdinalIgnoreCase));
            return await ReadTextAsync(int.Parse(line.Split(':')[1], null));
        }

        var body = new StringBuilder();
        while (true)
        {
            var size = "";
            while (!size.EndsWith("\r\n", StringComparison.Ordinal))
            {
                size += await ReadTextAsync(1);
            }

            var chunk = await ReadTextAsync(Convert.ToInt32(size.Trim(), 16) + 2);
            if (chunk.Length == 2)
            {
                return body.ToString();
            }

            body.Append(chunk.AsSpan(0, chunk.Length - 2));
        }
    }

    /// <summary>Reads until the server ends the connection.</summary>
    public async Task ReadToEndAsync()
    {
        var scratch = new byte[1024];
        while (await _stream.ReadAsync(scratch, Token) > 0)
        {
        }
    }

    /// <summary>Ends the connection by a reset.</summary>
    public void Reset()
    {
        _stream.Socket.LingerState = new LingerOption(true, 0);
        _stream.Dispose();
    }

    /// <summary>Sends no more, and goes on reading.</summary>
    public void ShutdownSending() => _stream.Socket.Shutdown(SocketShutdown.Send);

    public ValueTask SendAsync(params byte[] bytes) => _stream.WriteAsync(bytes, Token);

    /// <summary>Sends one frame, masked with a key of zeros, which leaves the payload as it is.</summary>
    public ValueTask SendFrameAsync(byte first, params byte[] payload)
        => SendAsync([first, .. Length(payload.Length), 0, 0, 0, 0, .. payload]);

    /// <summary>Reads one frame.</summary>
    public async Task<(byte First, byte[] Payload)> ReadFrameAsync()
    {
        var head = new byte[2];
        await _stream.ReadExactlyAsync(head, Token);
        int length = head[1];
        if (length == 126)
        {
            var more = new byte[2];
            await _stream.ReadExactlyAsync(more, Token);
            length = (more[0] << 8) | more[1];
        }

        var payload = new byte[length];
        await _stream.ReadExactlyAsync(payload, Token);
        return (head[0], payload);
    }

    /// <summary>Reads frames to a close frame, and returns its code.</summary>
    public async Task<int> ReadCloseCodeAsync()
    {
        while (true)
        {
            var (first, payload) = await ReadFrameAsync();
            if (first == 0x88)
            {
                return payload.Length < 2 ? 1005 : (payload[0] << 8) | payload[1];
            }
        }
    }

    public ValueTask DisposeAsync() => _stream.DisposeAsync();

    private async Task<string> ReadTextAsync(int length)
    {
        var bytes = new byte[length];
        await _stream.ReadExactlyAsync(bytes, Token);
        return Encoding.UTF8.GetString(bytes);
    }

    private static byte[] Length(int length) => length switch
    {
        < 126 => [(byte)(0x80 | length)],
        <= 65535 => [0x80 | 126, (byte)(length >> 8), (byte)length],
        _ => [0x80 | 127, 0, 0, 0, 0, (byte)(length >> 24), (byte)(length >> 16), (byte)(length >> 8), (byte)length],
    };
}
