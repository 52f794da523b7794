using System.Net;
using System.Net.Sockets;

namespace Transports.Tcp.Tests;

/// <summary>Short words for what the tests do all the time.</summary>
internal static class Net
{
    /// <summary>Ends a test that hangs, as an upper bound and nothing else.</summary>
    public static CancellationToken Token
    {
        get
        {
            var bound = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
            bound.CancelAfter(TimeSpan.FromMinutes(1));
            return bound.Token;
        }
    }

    public static TcpTransportOptions Options(Action<TcpTransportOptions>? configure = null)
    {
        var options = new TcpTransportOptions
        {
            TlsServer = { Certificate = TestCertificates.Shared.Server },
            TlsClient = { TrustedRoots = TestCertificates.Shared.Roots },
        };
        configure?.Invoke(options);
        return options;
    }

    /// <summary>An address to listen on, of the given scheme.</summary>
    public static Uri ListenAddress(string scheme) => scheme == "unix"
        ? new Uri("unix://" + SocketPath())
        : new Uri($"{scheme}://localhost:0");

    public static string SocketPath() => Path.Combine(Path.GetTempPath(), $"t-{Guid.NewGuid():n}.sock");

    public static async Task<Pair> ConnectAsync(string scheme, Action<TcpTransportOptions>? configure = null)
    {
        var transport = new TcpTransport(Options(configure));
        var listener = await transport.ListenAsync(ListenAddress(scheme), Token);
        var accepting = listener.AcceptAsync(Token);
        var client = await transport.ConnectAsync(listener.LocalAddress, Token);
        return new Pair(listener, client, (await accepting)!);
    }

    /// <summary>A bare connection to a listener.</summary>
    public static async Task<Socket> ConnectRawAsync(Uri address)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, address.Port), Token);
        return socket;
    }

    /// <summary>Reads until the other side ends the connection, in whichever way.</summary>
    public static async Task ReadToEndAsync(Socket socket)
    {
        var buffer = new byte[1024];
        try
        {
            while (await socket.ReceiveAsync(buffer, Token) > 0)
            {
            }
        }
        catch (SocketException)
        {
        }
    }

    public static async Task EchoAsync(IMessageChannel channel, CancellationToken cancellationToken)
    {
        while (await channel.ReceiveAsync(cancellationToken) is { } message)
        {
            await channel.SendAsync(message, cancellationToken);
        }

        await channel.CloseAsync(cancellationToken: cancellationToken);
    }

    internal sealed record Pair(IMessageListener Listener, IMessageChannel Client, IMessageChannel Server) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            await Client.DisposeAsync();
            await Server.DisposeAsync();
            await Listener.DisposeAsync();
        }
    }
}
