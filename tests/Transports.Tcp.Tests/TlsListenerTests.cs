using System.Net.Sockets;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using static Transports.Tcp.Tests.Net;

namespace Transports.Tcp.Tests;

public sealed class TlsListenerTests
{
    [Fact]
    public async Task SilentClient_HandshakeTimeout_IsDroppedAndLogged()
    {
        var clock = new ManualTimeProvider();
        var log = new CollectingLoggerFactory();
        await using var listener = await new TcpTransport(Options(options => options.TimeProvider = clock), log).ListenAsync(ListenAddress("tls"), Token);
        using var silent = await ConnectRawAsync(listener.LocalAddress);
        await clock.WhenTimersAsync(1);
        clock.Advance(TimeSpan.FromSeconds(10));
        await ReadToEndAsync(silent);
        var (level, text) = await log.WaitForAsync(2010, Token);
        level.Should().Be(LogLevel.Information);
        text.Should().Contain("HandshakeTimeout (10 s)");
    }

    [Fact]
    public async Task BadClients_EachIsLoggedAndDropped_OthersAreServed()
    {
        var log = new CollectingLoggerFactory();
        var transport = new TcpTransport(Options(), log);
        await using var listener = await transport.ListenAsync(ListenAddress("tls"), Token);
        foreach (var bytes in (byte[][])["GET / HTTP/1.1\r\nHost: x\r\n\r\n"u8.ToArray(), RandomNumberGenerator.GetBytes(4096), [0, 0, 0, 1, 42], [22, 3, 1, 255, 255, 1]])
        {
            using var raw = await ConnectRawAsync(listener.LocalAddress);
            await raw.SendAsync(bytes, Token);
            raw.Shutdown(SocketShutdown.Send);
            await ReadToEndAsync(raw);
            (await log.WaitForAsync(2010, Token)).Level.Should().Be(LogLevel.Information);
        }

        await using var client = await transport.ConnectAsync(listener.LocalAddress, Token);
        await using var server = (await listener.AcceptAsync(Token))!;
        await client.SendAsync("served"u8.ToArray(), Token);
        (await server.ReceiveAsync(Token))!.Value.GetText().Should().Be("served");
        log.All.Should().NotContain(line => line.Level >= LogLevel.Warning);
    }

    [Theory]
    [InlineData(512, 0)]
    [InlineData(16, 0)]
    [InlineData(16, 1)]
    [InlineData(16, 6)]
    public async Task TwoHundredConnectionsWithoutAHandshake_AnotherIsServed(int maxPendingHandshakes, int bytesOfHello)
    {
        // Above the bound, the oldest make room, whether they are silent or have begun; no handshake timeout helps.
        var clock = new ManualTimeProvider();
        var transport = new TcpTransport(Options(options =>
        {
            options.AcceptBacklog = maxPendingHandshakes;
            options.TimeProvider = clock;
            options.ConnectTimeout = options.HandshakeTimeout = TimeSpan.FromDays(1);
        }));

        // One address has one accept queue, first in, first out: the timers of a second are then those of the listener, for
        // the silent ones before the client, and never one for the client itself.
        await using var listener = await transport.ListenAsync(new Uri("tls://127.0.0.1:0"), Token);
        var silent = new List<Socket>();
        try
        {
            for (var i = 0; i < 200; i++)
            {
                var socket = await ConnectRawAsync(listener.LocalAddress);
                silent.Add(socket);
                await socket.SendAsync((byte[])[.. ((byte[])[0x16, 3, 1, 2, 0, 1])[..bytesOfHello]], Token);
            }

            for (var i = 0; i < 3; i++)
            {
                var connecting = transport.ConnectAsync(listener.LocalAddress, Token).AsTask();
                await clock.AdvanceUntilAsync(connecting, TimeSpan.FromSeconds(1));
                await using var client = await connecting;
                await using var server = (await listener.AcceptAsync(Token))!;
                await client.SendAsync("served"u8.ToArray(), Token);
                (await server.ReceiveAsync(Token))!.Value.GetText().Should().Be("served");
            }
        }
        finally
        {
            silent.ForEach(socket => socket.Dispose());
        }
    }

    [Fact]
    public async Task Stop_HandshakesInProgress_AreDroppedAndNothingIsLeft()
    {
        var listener = await new TcpTransport(Options(options => options.TimeProvider = new ManualTimeProvider())).ListenAsync(ListenAddress("tls"), Token);
        using var silent = await ConnectRawAsync(listener.LocalAddress);
        var accepting = listener.AcceptAsync(Token);
        await listener.StopAcceptingAsync(Token);
        (await accepting).Should().BeNull();
        await ReadToEndAsync(silent);
        await listener.DisposeAsync();
    }

    [Fact]
    public async Task Handshakes_ManyAtOnceWithFewPlaces_AllSucceed()
    {
        var transport = new TcpTransport(Options(options => options.AcceptBacklog = 2));
        await using var listener = await transport.ListenAsync(ListenAddress("tls"), Token);
        var connecting = Enumerable.Range(0, 20).Select(_ => transport.ConnectAsync(listener.LocalAddress, Token).AsTask()).ToArray();
        for (var i = 0; i < connecting.Length; i++)
        {
            await using var server = (await listener.AcceptAsync(Token))!;
        }

        foreach (var channel in await Task.WhenAll(connecting))
        {
            await channel.DisposeAsync();
        }
    }
}
