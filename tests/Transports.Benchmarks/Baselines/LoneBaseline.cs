using System.Net;
using System.Net.Sockets;
using Compare.Relays;

namespace Transports.Benchmarks;

/// <summary>The path itself: bare sockets of the kind that lies under a transport, and one message after the other over the same relay.</summary>
internal sealed class LoneBaseline : IBenchmarkSide
{
    private const int HeaderSize = 4;

    private readonly byte[] _frame;
    private readonly byte[] _input = new byte[2048];
    private readonly Socket _client;
    private readonly Socket _server;
    private readonly DelayedPath _path;

    private LoneBaseline(Work work, Socket client, Socket server, DelayedPath path)
    {
        _frame = new byte[HeaderSize + work.PayloadSize];
        _client = client;
        _server = server;
        _path = path;
    }

    /// <summary>Connects.</summary>
    /// <param name="work">What will be done.</param>
    /// <param name="wire">Which sockets.</param>
    public static Task<IBenchmarkSide> OpenAsync(Work work, Wire wire) => wire switch
    {
        Wire.Udp => OpenDatagramsAsync(work),
        Wire.Unix => OpenStreamsAsync(work, wire, new UnixDomainSocketEndPoint(SocketPairs.NewSocketPath()), ProtocolType.Unspecified),
        _ => OpenStreamsAsync(work, wire, new IPEndPoint(IPAddress.Loopback, 0), ProtocolType.Tcp),
    };

    public async Task RunAsync(long messages)
    {
        for (long i = 0; i < messages; i++)
        {
            await _client.SendAsync(_frame, SocketFlags.None);
            for (var have = 0; have < _frame.Length;)
            {
                var count = await _server.ReceiveAsync(_input, SocketFlags.None);
                have += count > 0 ? count : throw new EndOfStreamException();
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        _server.Dispose();
        await _path.DisposeAsync();
    }

    private static async Task<IBenchmarkSide> OpenStreamsAsync(Work work, Wire wire, EndPoint endPoint, ProtocolType protocol)
    {
        using var listener = new Socket(endPoint.AddressFamily, SocketType.Stream, protocol);
        listener.Bind(endPoint);
        listener.Listen();
        var path = DelayedPath.Open(work, wire, ToUri(listener.LocalEndPoint!));
        var client = new Socket(endPoint.AddressFamily, SocketType.Stream, protocol);
        var accepting = listener.AcceptAsync();
        await client.ConnectAsync(wire == Wire.Unix ? new UnixDomainSocketEndPoint(path.Address.AbsolutePath) : new IPEndPoint(IPAddress.Loopback, path.Address.Port));
        var server = await accepting;
        if (wire == Wire.Unix)
        {
            File.Delete(endPoint.ToString()!);
        }
        else
        {
            client.NoDelay = server.NoDelay = true;
        }

        return new LoneBaseline(work, client, server, path);
    }

    private static async Task<IBenchmarkSide> OpenDatagramsAsync(Work work)
    {
        var server = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        server.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        var path = DelayedPath.Open(work, Wire.Udp, ToUri(server.LocalEndPoint!));
        var client = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        await client.ConnectAsync(new IPEndPoint(IPAddress.Loopback, path.Address.Port));
        return new LoneBaseline(work, client, server, path);
    }

    private static Uri ToUri(EndPoint endPoint)
        => endPoint is IPEndPoint ip ? new Uri($"tcp://127.0.0.1:{ip.Port}") : new Uri("unix://" + endPoint);
}
