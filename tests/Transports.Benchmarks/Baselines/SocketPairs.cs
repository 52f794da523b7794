using System.Net;
using System.Net.Sockets;

namespace Transports.Benchmarks;

/// <summary>Connected bare sockets.</summary>
internal static class SocketPairs
{
    /// <summary>Connects pairs over loopback TCP, without delay.</summary>
    /// <param name="count">How many.</param>
    public static Task<List<(Socket Client, Socket Server)>> ConnectTcpAsync(int count)
        => ConnectAsync(count, new IPEndPoint(IPAddress.Loopback, 0), ProtocolType.Tcp, static socket => socket.NoDelay = true);

    /// <summary>Connects pairs over a socket in the file system.</summary>
    /// <param name="count">How many.</param>
    public static async Task<List<(Socket Client, Socket Server)>> ConnectUnixAsync(int count)
    {
        var path = NewSocketPath();
        try
        {
            return await ConnectAsync(count, new UnixDomainSocketEndPoint(path), ProtocolType.Unspecified, static _ => { });
        }
        finally
        {
            File.Delete(path);
        }
    }

    /// <summary>A path where no socket is.</summary>
    public static string NewSocketPath() => Path.Combine(Path.GetTempPath(), $"benchmark-{Guid.NewGuid():N}.sock");

    private static async Task<List<(Socket Client, Socket Server)>> ConnectAsync(
        int count, EndPoint endPoint, ProtocolType protocol, Action<Socket> configure)
    {
        using var listener = new Socket(endPoint.AddressFamily, SocketType.Stream, protocol);
        listener.Bind(endPoint);
        listener.Listen(count);
        var pairs = new List<(Socket, Socket)>();
        for (var i = 0; i < count; i++)
        {
            var client = new Socket(endPoint.AddressFamily, SocketType.Stream, protocol);
            await client.ConnectAsync(listener.LocalEndPoint!);
            var server = await listener.AcceptAsync();
            configure(client);
            configure(server);
            pairs.Add((client, server));
        }

        return pairs;
    }
}
