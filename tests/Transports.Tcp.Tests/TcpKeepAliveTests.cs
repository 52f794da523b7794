using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging.Abstractions;
using static Transports.Tcp.Tests.Net;

namespace Transports.Tcp.Tests;

public sealed class TcpKeepAliveTests
{
    [Theory]
    [InlineData("tcp")]
    [InlineData("tls")]
    public async Task Sockets_ByDefault_AskWhetherThePeerIsThere(string scheme)
    {
        var (connected, accepted) = await SocketsAsync(scheme, new TcpKeepAliveOptions());

        foreach (var socket in (Socket[])[connected, accepted])
        {
            using (socket)
            {
                Option(socket, SocketOptionLevel.Socket, SocketOptionName.KeepAlive).Should().NotBe(0);
                Option(socket, SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime).Should().Be(60);
                Option(socket, SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval).Should().Be(10);
                Option(socket, SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount).Should().Be(6);
            }
        }
    }

    [Fact]
    public async Task Sockets_TimeInfinite_DoNotAsk()
    {
        var (connected, accepted) = await SocketsAsync("tcp", new TcpKeepAliveOptions { Time = Timeout.InfiniteTimeSpan });
        using (connected)
        using (accepted)
        {
            Option(connected, SocketOptionLevel.Socket, SocketOptionName.KeepAlive).Should().Be(0);
            Option(accepted, SocketOptionLevel.Socket, SocketOptionName.KeepAlive).Should().Be(0);
        }
    }

    [Fact]
    public void Validate_OutOfRange_NamesTheOption()
    {
        new TcpTransportOptions { TcpKeepAlive = { Time = TimeSpan.Zero } }.Invoking(o => o.Validate()).Should().Throw<ArgumentOutOfRangeException>().WithMessage("*Time*");
        new TcpTransportOptions { TcpKeepAlive = { Interval = TimeSpan.FromMilliseconds(1) } }.Invoking(o => o.Validate()).Should().Throw<ArgumentOutOfRangeException>().WithMessage("*Interval*");
        new TcpTransportOptions { TcpKeepAlive = { RetryCount = 0 } }.Invoking(o => o.Validate()).Should().Throw<ArgumentOutOfRangeException>().WithMessage("*RetryCount*");
    }

    private static int Option(Socket socket, SocketOptionLevel level, SocketOptionName name) => (int)socket.GetSocketOption(level, name)!;

    // The sockets as the transport sets them up, on both sides.
    private static async Task<(Socket Connected, Socket Accepted)> SocketsAsync(string scheme, TcpKeepAliveOptions keepAlive)
    {
        var options = Options(options => options.TcpKeepAlive = keepAlive);
        using var listening = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listening.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listening.Listen();
        var address = new Uri($"{scheme}://127.0.0.1:{((IPEndPoint)listening.LocalEndPoint!).Port}");
        var connected = await new SocketConnector(options, SystemNetwork.Instance).ConnectAsync(TcpAddress.Parse(address), address, Token);
        var accepted = await listening.AcceptAsync(Token);
        var opener = scheme == "tls"
            ? new TlsSocketOpener(options, options.TlsServer.CreateCertificateSelector(address), NullLogger.Instance)
            : new SocketOpener(scheme, options, NullLogger.Instance);
        opener.Prepare(accepted);
        return (connected, accepted);
    }
}
