using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Transports.Grpc.Tests;

/// <summary>An HTTP/2 server that writes frames by hand (RFC 9113), for what no web server sends. Reads what it must, and answers SETTINGS.</summary>
internal sealed class RawHttp2Server : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly List<Connection> _accepted = [];

    public RawHttp2Server() => _listener.Start();

    public Uri Address => new($"grpc+http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}/any.Service/Method");

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <param name="streamWindow">How many bytes a client may send on a new stream (SETTINGS_INITIAL_WINDOW_SIZE).</param>
    public async Task<Connection> AcceptAsync(int streamWindow = 65_535)
    {
        var connection = new Connection(await _listener.AcceptTcpClientAsync(Token));
        _accepted.Add(connection);
        await connection.OpenAsync(streamWindow);
        return connection;
    }

    public async ValueTask DisposeAsync()
    {
        _listener.Dispose();
        foreach (var connection in _accepted)
        {
            await connection.DisposeAsync();
        }
    }

    internal sealed class Connection(TcpClient client) : IAsyncDisposable
    {
        public const byte Data = 0;
        public const byte Reset = 3;
        private const byte Headers = 1;
        private const byte Settings = 4;
        private const byte GoAway = 7;
        private const byte WindowUpdate = 8;

        private readonly NetworkStream _stream = client.GetStream();
        private readonly List<byte> _data = [];
        private bool _settingsAcknowledged;

        public async Task OpenAsync(int streamWindow)
        {
            var preface = new byte[24];
            await _stream.ReadExactlyAsync(preface, Token);
            var settings = new byte[] { 0, 4, 0, 0, 0, 0 };
            BinaryPrimitives.WriteInt32BigEndian(settings.AsSpan(2), streamWindow);
            await WriteAsync(Settings, 0, 0, settings);
        }

        /// <summary>Reads up to a stream's HEADERS, and says its id. The client has acknowledged this side's settings then.</summary>
        public async Task<int> ReadRequestAsync()
        {
            var request = 0;
            while (request == 0 || !_settingsAcknowledged)
            {
                var (type, stream, _) = await ReadFrameAsync();
                request = type == Headers ? stream : request;
            }

            return request;
        }

        /// <summary>So many bytes of DATA, those included that came before the settings were acknowledged.</summary>
        public async Task<byte[]> ReadDataAsync(int count)
        {
            while (_data.Count < count)
            {
                await ReadFrameAsync();
            }

            var data = _data.Take(count).ToArray();
            _data.RemoveRange(0, count);
            return data;
        }

        public Task WindowUpdateAsync(int stream, int bytes)
        {
            var increment = new byte[4];
            BinaryPrimitives.WriteInt32BigEndian(increment, bytes);
            return WriteAsync(WindowUpdate, 0, stream, increment);
        }

        public Task HeadersAsync(int stream, bool isEnd, params (string Name, string Value)[] fields)
        {
            // Literal fields without indexing and without Huffman coding (RFC 7541, section 6.2.2).
            var block = new MemoryStream();
            foreach (var (name, value) in fields)
            {
                block.WriteByte(0);
                foreach (var text in new[] { name, value })
                {
                    block.WriteByte((byte)text.Length);
                    block.Write(Encoding.ASCII.GetBytes(text));
                }
            }

            return WriteAsync(Headers, (byte)(4 | (isEnd ? 1 : 0)), stream, block.ToArray());
        }

        public Task DataAsync(int stream, params byte[] bytes) => WriteAsync(Data, 0, stream, bytes);

        public Task ResetAsync(int stream, int code) => WriteAsync(Reset, 0, stream, [0, 0, 0, (byte)code]);

        public Task GoAwayAsync(int lastStream, int code = 0) => WriteAsync(GoAway, 0, 0, [0, 0, 0, (byte)lastStream, 0, 0, 0, (byte)code]);

        public ValueTask DisposeAsync()
        {
            client.Dispose();
            return default;
        }

        /// <summary>Reads one frame.</summary>
        public async Task<(byte Type, int Stream, int Length)> ReadFrameAsync()
        {
            var header = new byte[9];
            await _stream.ReadExactlyAsync(header, Token);
            var payload = new byte[(header[0] << 16) | (header[1] << 8) | header[2]];
            await _stream.ReadExactlyAsync(payload, Token);
            if (header[3] == Data)
            {
                _data.AddRange(payload);
            }
            else if (header[3] == Settings)
            {
                var isAcknowledgement = (header[4] & 1) != 0;
                _settingsAcknowledged |= isAcknowledgement;
                if (!isAcknowledgement)
                {
                    await WriteAsync(Settings, 1, 0, []);
                }
            }

            return (header[3], BinaryPrimitives.ReadInt32BigEndian(header.AsSpan(5)), payload.Length);
        }

        private async Task WriteAsync(byte type, byte flags, int stream, byte[] payload)
        {
            var frame = new byte[9 + payload.Length];
            frame[1] = (byte)(payload.Length >> 8);
            frame[2] = (byte)payload.Length;
            frame[3] = type;
            frame[4] = flags;
            BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(5), stream);
            payload.CopyTo(frame, 9);
            await _stream.WriteAsync(frame, Token);
        }
    }
}
