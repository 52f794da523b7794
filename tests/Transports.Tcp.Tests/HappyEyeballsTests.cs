using System.Net;
using System.Net.Sockets;
using static Transports.Tcp.Tests.Net;

namespace Transports.Tcp.Tests;

public sealed class HappyEyeballsTests
{
    private static readonly IPAddress Six1 = IPAddress.Parse("2001:db8::1");
    private static readonly IPAddress Six2 = IPAddress.Parse("2001:db8::2");
    private static readonly IPAddress Four1 = IPAddress.Parse("192.0.2.1");
    private static readonly IPAddress Four2 = IPAddress.Parse("192.0.2.2");
    private readonly ManualTimeProvider _clock = new();
    private readonly FakeNetwork _network = new();

    [Fact]
    public void Interleave_TwoFamilies_Alternates()
    {
        AddressOrder.Interleave([Six1, Six2, Four1, Four2]).Should().Equal(Six1, Four1, Six2, Four2);
        AddressOrder.Interleave([Four1, Six1, Six2]).Should().Equal(Four1, Six1, Six2);
        AddressOrder.Interleave([Four1, Four2, Four1]).Should().Equal(Four1, Four2);
        AddressOrder.Interleave([Six1]).Should().Equal(Six1);
    }

    [Fact]
    public async Task Connect_FirstIsABlackHole_SecondWinsAfterTheDelay()
    {
        _network.Names["host.test"] = [Six1, Four1];
        var connecting = Transport().ConnectAsync(new Uri("tcp://host.test:80"), Token).AsTask();
        var first = await _network.NextAsync();
        first.Address.Should().Be(Six1);

        // Two timers: the whole timeout, and the attempt's delay.
        await _clock.WhenTimersAsync(2);
        _clock.Advance(TimeSpan.FromMilliseconds(249));
        _network.HasMore.Should().BeFalse();
        _clock.Advance(TimeSpan.FromMilliseconds(1));
        var second = await _network.NextAsync();
        second.Address.Should().Be(Four1);
        using var real = await RealSocketAsync();
        second.Succeed(real.Client);
        await using var channel = await connecting;
        first.Cancelled.IsCancellationRequested.Should().BeTrue();
    }

    [Fact]
    public async Task Connect_FirstFails_SecondIsTriedAtOnce()
    {
        _network.Names["host.test"] = [Six1, Four1];
        var connecting = Transport().ConnectAsync(new Uri("tcp://host.test:80"), Token).AsTask();
        (await _network.NextAsync()).Fail(SocketError.NetworkUnreachable);
        var second = await _network.NextAsync();
        using var real = await RealSocketAsync();
        second.Succeed(real.Client);
        await using var channel = await connecting;
    }

    [Fact]
    public async Task Connect_LoserConnectsLate_ItsSocketIsClosed()
    {
        _network.Names["host.test"] = [Six1, Four1];
        var connecting = Transport().ConnectAsync(new Uri("tcp://host.test:80"), Token).AsTask();
        var first = await _network.NextAsync();
        await _clock.WhenTimersAsync(2);
        _clock.Advance(TimeSpan.FromMilliseconds(250));
        var second = await _network.NextAsync();
        using var winner = await RealSocketAsync();
        second.Succeed(winner.Client);
        await using var channel = await connecting;
        using var loser = await RealSocketAsync();
        first.Succeed(loser.Client);
        (await loser.Server.ReceiveAsync(new byte[1], Token)).Should().Be(0);
    }

    [Fact]
    public async Task Connect_AllFail_ErrorListsEveryAddress()
    {
        _network.Names["host.test"] = [Six1, Four1];
        var connecting = Transport().ConnectAsync(new Uri("tcp://host.test:80"), Token).AsTask();
        (await _network.NextAsync()).Fail(SocketError.ConnectionRefused);
        (await _network.NextAsync()).Fail(SocketError.HostUnreachable);
        (await connecting.Invoking(task => task).Should().ThrowAsync<TransportException>())
            .Which.Message.Should().Contain("[2001:db8::1]:80").And.Contain("192.0.2.1:80").And.Contain("check that the server runs");
    }

    [Fact]
    public async Task Connect_NobodyAnswers_ConnectTimeoutNamesTheSilent()
    {
        _network.Names["host.test"] = [Six1, Four1];
        var connecting = Transport().ConnectAsync(new Uri("tcp://host.test:80"), Token).AsTask();
        (await _network.NextAsync()).Fail(SocketError.ConnectionRefused);
        var second = await _network.NextAsync();
        _clock.Advance(TimeSpan.FromSeconds(15));
        (await connecting.Invoking(task => task).Should().ThrowAsync<TransportException>())
            .Which.Message.Should().Contain("ConnectTimeout (15 s)").And.Contain("No answer from 192.0.2.1:80");
        second.Cancelled.IsCancellationRequested.Should().BeTrue();
    }

    [Fact]
    public async Task Connect_CallerCancels_IsCancelledAndCalledOff()
    {
        _network.Names["host.test"] = [Six1];
        using var cancel = new CancellationTokenSource();
        var connecting = Transport().ConnectAsync(new Uri("tcp://host.test:80"), cancel.Token).AsTask();
        var attempt = await _network.NextAsync();
        await cancel.CancelAsync();
        (await connecting.Invoking(task => task).Should().ThrowAsync<OperationCanceledException>()).Which.CancellationToken.Should().Be(cancel.Token);
        attempt.Cancelled.IsCancellationRequested.Should().BeTrue();
    }

    [Fact]
    public async Task Connect_UnknownName_SaysSo()
        => (await Transport().Awaiting(t => t.ConnectAsync(new Uri("tcp://nowhere.test:80"), Token).AsTask()).Should().ThrowAsync<TransportException>())
            .Which.Message.Should().Contain("'nowhere.test' was not found");

    [Fact]
    public async Task Connect_Refused_NamesTheAddressAndWhatToCheck()
    {
        var transport = new TcpTransport();
        var listener = await transport.ListenAsync(new Uri("tcp://localhost:0"), Token);
        await listener.DisposeAsync();
        (await transport.Awaiting(t => t.ConnectAsync(listener.LocalAddress, Token).AsTask()).Should().ThrowAsync<TransportException>())
            .Which.Message.Should().Contain($"127.0.0.1:{listener.LocalAddress.Port}").And.Contain("Nothing listens there");
    }

    private TcpTransport Transport() => new(new TcpTransportOptions { TimeProvider = _clock }, null, _network);

    private static async Task<SocketPair> RealSocketAsync()
    {
        using var listening = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listening.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listening.Listen();
        var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await client.ConnectAsync(listening.LocalEndPoint!, Token);
        return new SocketPair(client, await listening.AcceptAsync(Token));
    }

    private sealed record SocketPair(Socket Client, Socket Server) : IDisposable
    {
        public void Dispose()
        {
            Client.Dispose();
            Server.Dispose();
        }
    }
}
