using System.Net;
using System.Net.Sockets;

namespace Transports.Benchmarks;

/// <summary>A bare socket.</summary>
/// <param name="socket">A connected stream socket.</param>
internal readonly struct SocketBytes(Socket socket) : IRawBytes
{
    public ValueTask<int> SendAsync(ReadOnlyMemory<byte> bytes) => socket.SendAsync(bytes, SocketFlags.None);

    public ValueTask<int> ReceiveAsync(Memory<byte> buffer) => socket.ReceiveAsync(buffer, SocketFlags.None);

    public void Dispose() => socket.Dispose();

    /// <summary>Connects pairs of TCP sockets over loopback.</summary>
    /// <param name="count">How many.</param>
    public static async Task<List<(Socket Client, Socket Server)>> ConnectTcpAsync(int count)
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen(count);
        var pairs = new List<(Socket, Socket)>();
        for (var i = 0; i < count; i++)
        {
            var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            await client.ConnectAsync(listener.LocalEndPoint!);
            var server = await listener.AcceptAsync();
            server.NoDelay = true;
            pairs.Add((client, server));
        }

        return pairs;
    }
}
