using System.Net;
using System.Net.Http;
using System.Net.Sockets;
using static Transports.Tcp.Tests.Net;

namespace Transports.Tcp.Tests;

/// <summary>The connector as HTTP handlers use it.</summary>
public sealed class TcpConnectorTests
{
    private readonly ManualTimeProvider _clock = new();
    private readonly FakeNetwork _network = new();

    [Fact]
    public async Task HttpRequest_FirstAddressIsABlackHole_SecondWinsAfterTheDelay()
    {
        _network.Names["host.test"] = [IPAddress.Parse("2001:db8::1"), IPAddress.Loopback];
        using var listening = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listening.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listening.Listen();
        using var http = Client();
        var asking = http.GetAsync(new Uri("http://host.test/"), Token);
        var first = await _network.NextAsync();
        await _clock.WhenTimersAsync(1);
        _clock.Advance(TcpConnector.DefaultAttemptDelay);
        var second = await _network.NextAsync();
        var socket = await SystemNetwork.Instance.ConnectAsync(listening.LocalEndPoint!, Token);
        second.Succeed(socket);

        using var server = await listening.AcceptAsync(Token);
        await server.ReceiveAsync(new byte[4096], Token);
        await server.SendAsync("HTTP/1.1 204 No Content\r\n\r\n"u8.ToArray(), Token);
        using var response = await asking;
        response.StatusCode.Should().Be(HttpStatusCode.NoContent);
        first.Cancelled.IsCancellationRequested.Should().BeTrue();
        socket.NoDelay.Should().BeTrue();
    }

    [Fact]
    public async Task HttpRequest_NobodyListens_ErrorNamesTheAddressesAndWhatToCheck()
    {
        _network.Names["host.test"] = [IPAddress.Parse("2001:db8::1"), IPAddress.Parse("192.0.2.1")];
        using var http = Client();
        var asking = http.GetAsync(new Uri("http://host.test/"), Token);
        (await _network.NextAsync()).Fail(SocketError.NetworkUnreachable);
        (await _network.NextAsync()).Fail(SocketError.ConnectionRefused);

        var error = (await asking.Invoking(task => task).Should().ThrowAsync<HttpRequestException>()).Which;
        error.HttpRequestError.Should().Be(HttpRequestError.ConnectionError);
        error.Message.Should().Contain("[2001:db8::1]:80").And.Contain("192.0.2.1:80").And.Contain("Nothing listens there");
    }

    [Fact]
    public async Task HttpRequest_UnknownName_IsAResolutionError()
    {
        using var http = Client();
        var error = (await http.Awaiting(client => client.GetAsync(new Uri("http://nowhere.test/"), Token)).Should().ThrowAsync<HttpRequestException>()).Which;
        error.HttpRequestError.Should().Be(HttpRequestError.NameResolutionError);
        error.Message.Should().Contain("'nowhere.test' was not found");
    }

    private HttpClient Client() => new(new SocketsHttpHandler
    {
        ConnectCallback = new TcpConnector { TimeProvider = _clock, Network = _network }.ConnectAsync,
        UseProxy = false,
    });
}
