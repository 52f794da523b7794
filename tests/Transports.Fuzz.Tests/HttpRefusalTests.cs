using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Transports.Fuzz.Tests;

/// <summary>Clients over HTTP whose server answers anything: connecting gives a channel or TransportException, and neither hangs nor throws anything else.</summary>
public sealed class HttpRefusalTests
{
    private const int DefaultAnswers = 40;

    private static readonly string[] StatusLines = ["HTTP/1.1 101 Switching Protocols", "HTTP/1.1 200 OK", "HTTP/1.1 204 No Content", "HTTP/1.1 301 Moved", "HTTP/1.1 401 No", "HTTP/1.1 404 Not Found", "HTTP/1.1 429 Slow", "HTTP/1.1 500 Oops", "HTTP/1.1 99 X", "HTTP/1.1 1000 X", "HTTP/1.0 200 OK", "HTTP/2.0 200", "ICY 200 OK", ""];

    private static readonly string[] Headers = ["Upgrade: websocket", "Upgrade: h2c", "Connection: Upgrade", "Connection: close", "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=99", "Sec-WebSocket-Protocol: nobody-asked", "Content-Type: text/event-stream", "Content-Type: text/html; charset=\"", "Content-Type: application/grpc", "Content-Length: 0", "Content-Length: 5", "Content-Length: -1", "Transfer-Encoding: chunked", "Location: /elsewhere", "Location: ::", "Retry-After: 5", "Retry-After: never", "Transports-Session: ", "Transports-Session: a b c", "Set-Cookie: x", "grpc-status: 14", "grpc-status: many", "grpc-message: %zz", ": no name", "no colon"];

    private static readonly string[] Bodies = ["", "no", "5\r\nhello\r\n0\r\n\r\n", "data: x\n\n", "data: Normal\nevent: close\n\n", "{\"title\":\"No\"}", "{\"title\":"];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory(Timeout = 300_000)]
    [InlineData("ws")]
    [InlineData("sse+http")]
    [InlineData("grpc+http")]
    public async Task Connect_AnyAnswer_GivesAChannelOrTransportException(string scheme)
    {
        var first = Number("TRANSPORTS_FUZZ_SEED") ?? 1;
        for (var seed = first; seed < first + (Number("TRANSPORTS_FUZZ_INPUTS") ?? DefaultAnswers); seed++)
        {
            var answer = Create(new Random(seed), scheme);
            using var listener = new TcpListener(IPAddress.Loopback, 0);
            listener.Start();
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(Token);
            var serving = ServeAsync(listener, answer, readsFirst: scheme != "grpc+http", stop.Token);
            try
            {
                await ConnectAndReceiveAsync(scheme, ((IPEndPoint)listener.LocalEndpoint).Port);
            }
            catch (TransportException)
            {
                // What a peer may cause.
            }
            catch (Exception e)
            {
                Assert.Fail($"{scheme}, seed {seed}: {e}{Environment.NewLine}The server's answer: {Convert.ToHexString(answer)}");
            }

            await stop.CancelAsync();
            await serving;
        }
    }

    private static async Task ConnectAndReceiveAsync(string scheme, int port)
    {
        var address = new Uri($"{scheme}://127.0.0.1:{port}/a.B/C");
        IClientTransport transport = scheme switch
        {
            "ws" => new WebSocketTransport(Apply(new WebSocketTransportOptions())),
            "sse+http" => new SseTransport(Apply(new SseTransportOptions())),
            _ => new GrpcTransport(Apply(new GrpcTransportOptions())),
        };
        try
        {
            // The server has closed its connection, so nothing here waits for long.
            await using var channel = await transport.ConnectAsync(address, Token).AsTask().WaitAsync(TimeSpan.FromSeconds(60), Token);
            for (var i = 0; i < 5 && await channel.ReceiveAsync(Token).AsTask().WaitAsync(TimeSpan.FromSeconds(60), Token) is not null; i++)
            {
            }

            channel.Abort();
        }
        finally
        {
            (transport as IDisposable)?.Dispose();
        }
    }

    private static TOptions Apply<TOptions>(TOptions options)
        where TOptions : MessageChannelOptions
    {
        options.CloseTimeout = TimeSpan.FromSeconds(2);
        if (options is SseTransportOptions sse)
        {
            sse.ReconnectDelay = TimeSpan.FromMilliseconds(1);
            sse.ReconnectTimeout = TimeSpan.FromMilliseconds(100);
        }

        return options;
    }

    private static byte[] Create(Random random, string scheme)
    {
        if (scheme == "grpc+http")
        {
            // HTTP/2 by prior knowledge: settings, and then frames of any type on the client's first stream.
            var frames = new List<byte>(random.Next(6) == 0 ? [] : [0, 0, 0, 4, 0, 0, 0, 0, 0]);
            for (var i = random.Next(5); i > 0; i--)
            {
                var body = Bytes.Some(random, random.Next(30));
                frames.AddRange([0, 0, (byte)body.Length, (byte)random.Next(11), (byte)random.Next(64), 0, 0, 0, (byte)random.Next(3), .. body]);
            }

            return Bytes.Spoil(random, [.. frames]);
        }

        var text = new StringBuilder(StatusLines[random.Next(StatusLines.Length)]).Append("\r\n");
        for (var i = random.Next(6); i > 0; i--)
        {
            text.Append(Headers[random.Next(Headers.Length)]).Append("\r\n");
        }

        text.Append("\r\n").Append(Bodies[random.Next(Bodies.Length)]);
        return Bytes.Spoil(random, Encoding.ASCII.GetBytes(text.ToString()));
    }

    // Answers each connection, as a client may try again, and closes it.
    private static async Task ServeAsync(TcpListener listener, byte[] answer, bool readsFirst, CancellationToken stop)
    {
        try
        {
            while (true)
            {
                using var client = await listener.AcceptTcpClientAsync(stop);
                var stream = client.GetStream();
                try
                {
                    var buffer = new byte[4096];
                    if (readsFirst)
                    {
                        _ = await stream.ReadAsync(buffer, stop);
                    }

                    await stream.WriteAsync(answer, stop);
                    client.Client.Shutdown(SocketShutdown.Send);
                }
                catch (Exception e) when (e is IOException or SocketException)
                {
                    // The client has left.
                }
            }
        }
        catch (OperationCanceledException)
        {
        }
    }

    private static int? Number(string variable)
        => int.TryParse(Environment.GetEnvironmentVariable(variable), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
}
