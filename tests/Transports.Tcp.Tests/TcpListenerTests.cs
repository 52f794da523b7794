using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using static Transports.Tcp.Tests.Net;

namespace Transports.Tcp.Tests;

public sealed class TcpListenerTests
{
    [Fact]
    public async Task Listen_Localhost_IsNotReachableByOtherAddresses()
    {
        await using var listener = await new TcpTransport().ListenAsync(new Uri("tcp://localhost:0"), Token);
        using var other = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);

        // Another loopback address stands for any other one of the machine.
        await other.Awaiting(socket => socket.ConnectAsync(IPAddress.Parse("127.0.0.2"), listener.LocalAddress.Port, Token).AsTask())
            .Should().ThrowAsync<SocketException>();
    }

    [Fact]
    public async Task Listen_PortInUse_SaysSo()
    {
        var transport = new TcpTransport();
        await using var listener = await transport.ListenAsync(new Uri("tcp://127.0.0.1:0"), Token);
        (await transport.Awaiting(t => t.ListenAsync(listener.LocalAddress, Token).AsTask()).Should().ThrowAsync<TransportException>())
            .Which.Message.Should().Contain($"127.0.0.1:{listener.LocalAddress.Port}").And.Contain("choose another");
    }

    [Theory]
    [InlineData("tcp://example.test:0", "is a name")]
    [InlineData("tcp://localhost", "has no port")]
    [InlineData("tcp://localhost:5000/path", "has more after them")]
    [InlineData("unix://host/path", "three slashes")]
    [InlineData("unix:///", "has no path")]
    [InlineData("http://localhost:0", "tcp, tls and unix")]
    public async Task Listen_AddressItCannotUse_SaysWhy(string address, string why)
        => (await new TcpTransport().Awaiting(t => t.ListenAsync(new Uri(address), Token).AsTask()).Should().ThrowAsync<ArgumentException>())
            .Which.Message.Should().Contain(why);

    [Fact]
    public async Task StopAccepting_WaitingAcceptGetsNull_AcceptedChannelsGoOn()
    {
        var transport = new TcpTransport();
        var listener = await transport.ListenAsync(new Uri("tcp://localhost:0"), Token);
        await using var client = await transport.ConnectAsync(listener.LocalAddress, Token);
        await using var server = (await listener.AcceptAsync(Token))!;
        var waiting = listener.AcceptAsync(Token);
        await listener.StopAcceptingAsync(Token);
        (await waiting).Should().BeNull();
        (await listener.AcceptAsync(Token)).Should().BeNull();
        await listener.DisposeAsync();
        await client.SendAsync("on"u8.ToArray(), Token);
        (await server.ReceiveAsync(Token))!.Value.GetText().Should().Be("on");
        await transport.Awaiting(t => t.ConnectAsync(listener.LocalAddress, Token).AsTask()).Should().ThrowAsync<TransportException>();
    }

    [Fact]
    public async Task Dispose_ChannelNeverAccepted_IsClosed()
    {
        var transport = new TcpTransport();
        var listener = await transport.ListenAsync(new Uri("tcp://localhost:0"), Token);
        await using var client = await transport.ConnectAsync(listener.LocalAddress, Token);
        await listener.DisposeAsync();
        await client.Awaiting(channel => channel.ReceiveAsync(Token).AsTask()).Should().ThrowAsync<MessageChannelClosedException>();
    }

    [Fact]
    public async Task CancelledAccept_LosesNoChannel()
    {
        var transport = new TcpTransport();
        await using var listener = await transport.ListenAsync(new Uri("tcp://localhost:0"), Token);
        using var cancel = new CancellationTokenSource();
        var accepting = listener.AcceptAsync(cancel.Token).AsTask();
        await cancel.CancelAsync();
        await accepting.Invoking(task => task).Should().ThrowAsync<OperationCanceledException>();
        await using var client = await transport.ConnectAsync(listener.LocalAddress, Token);
        await using var server = await listener.AcceptAsync(Token);
        server.Should().NotBeNull();
    }

    [Fact]
    public async Task Accept_SystemFails_IsReportedOnceAndTheNextCallGoesOn()
    {
        var options = new TcpTransportOptions();
        var address = new Uri("tcp://127.0.0.1:0");
        var (sockets, localAddress, _) = ListeningSockets.Bind(TcpAddress.Parse(address), address, 16, NullLogger.Instance);
        var calls = 0;
        await using var listener = new TcpMessageListener(
            sockets,
            localAddress,
            new SocketOpener("tcp", options, NullLogger.Instance),
            16,
            TimeProvider.System,
            null,
            NullLogger.Instance,
            (socket, cancellationToken) => Interlocked.Increment(ref calls) switch
            {
                1 => throw new SocketException((int)SocketError.ConnectionAborted),
                2 => throw new SocketException((int)SocketError.TooManyOpenSockets),
                _ => socket.AcceptAsync(cancellationToken),
            });
        (await listener.Awaiting(l => l.AcceptAsync(Token).AsTask()).Should().ThrowAsync<TransportException>())
            .Which.Message.Should().Contain("ulimit -n");
        await using var client = await new TcpTransport().ConnectAsync(localAddress, Token);
        await using var server = await listener.AcceptAsync(Token);
        server.Should().NotBeNull();
    }

    [Fact]
    public async Task AddTcp_FactoryOpensAllItsSchemes()
    {
        await using var services = new ServiceCollection().AddTransports().AddTcp(options => options.MaxMessageSize = 10).AddTcp().Services.BuildServiceProvider();
        services.GetServices<ITransport>().OfType<TcpTransport>().Should().ContainSingle();
        var factory = services.GetRequiredService<IMessageChannelFactory>();
        await using var listener = await factory.ListenAsync(new Uri("tcp://localhost:0"), Token);
        await using var client = await factory.ConnectAsync(listener.LocalAddress, Token);
        client.Characteristics.MaxMessageSize.Should().Be(10);
    }
}
