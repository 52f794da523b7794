using Microsoft.Extensions.Logging.Abstractions;

namespace Transports.Quic.Tests;

/// <summary>Several channels on one connection.</summary>
public sealed class QuicMultiplexingTests : QuicFixture
{
    [Fact(Timeout = HangTimeout)]
    public async Task OpenChannel_FromTheClient_ComesOutOfTheListener()
    {
        var listener = await ListenAsync();
        var (first, firstServer) = await OpenAsync(listener);
        var connection = first.GetFeature<IMultiplexedConnectionFeature>()!;
        var second = Own(await connection.OpenChannelAsync(Token));
        var secondServer = await AcceptAsync(listener);
        connection.OpenChannelCount.Should().Be(2);
        secondServer.RemoteAddress.Should().Be(firstServer.RemoteAddress);
        await AssertDeliversAsync(second, secondServer, "on the second");
        await AssertDeliversAsync(firstServer, first, "on the first");
        await first.CloseAsync(cancellationToken: Token);
        await AssertDeliversAsync(secondServer, second, "the second goes on");
    }

    [Fact(Timeout = HangTimeout)]
    public async Task OpenChannel_FromTheServer_ComesOutOfTheClientsFeature()
    {
        var (client, server) = await OpenAsync(await ListenAsync());
        var accepting = client.GetFeature<IMultiplexedConnectionFeature>()!.AcceptChannelAsync(Token);
        var opened = Own(await server.GetFeature<IMultiplexedConnectionFeature>()!.OpenChannelAsync(Token));
        var accepted = Own((await accepting)!);
        await AssertDeliversAsync(opened, accepted, "from the server");
        await server.GetFeature<IMultiplexedConnectionFeature>()!.Invoking(feature => feature.AcceptChannelAsync(Token).AsTask())
            .Should().ThrowAsync<NotSupportedException>();
    }

    [Fact(Timeout = HangTimeout)]
    public async Task Channel_NobodyReads_DoesNotHoldUpAnother()
    {
        var listener = await ListenAsync();
        var (stalled, _) = await OpenAsync(listener);
        var second = Own(await stalled.GetFeature<IMultiplexedConnectionFeature>()!.OpenChannelAsync(Token));
        var secondServer = await AcceptAsync(listener);

        // More than its stream may hold unread, and than the sender's buffers: nothing more goes there.
        using var enough = new CancellationTokenSource();
        var sending = Task.Run(() => SendUntilAsync(stalled, enough.Token), Token);
        await AssertDeliversAsync(second, secondServer, "not held up");
        for (var i = 0; i < 200; i++)
        {
            await AssertDeliversAsync(second, secondServer, $"{i}");
        }

        sending.IsCompleted.Should().BeFalse("its peer does not read");
        await enough.CancelAsync();
        await sending;

        static async Task SendUntilAsync(IMessageChannel channel, CancellationToken enough)
        {
            try
            {
                while (true)
                {
                    await channel.SendAsync(new byte[32 * 1024], enough);
                }
            }
            catch (OperationCanceledException)
            {
            }
        }
    }

    [Fact(Timeout = HangTimeout)]
    public async Task Connect_SharedConnections_OneConnectionPerAuthority()
    {
        var options = Options();
        options.ShareConnections = true;
        var transport = new QuicTransport(options);
        var listener = await ListenAsync();
        var first = Own(await transport.ConnectAsync(listener.LocalAddress, Token));
        var firstServer = await AcceptAsync(listener);
        var second = Own(await transport.ConnectAsync(listener.LocalAddress, Token));
        var secondServer = await AcceptAsync(listener);
        secondServer.RemoteAddress.Should().Be(firstServer.RemoteAddress);
        await first.CloseAsync(cancellationToken: Token);
        await AssertDeliversAsync(second, secondServer, "still there");

        // The connection goes with its last channel; the next one connects anew.
        await firstServer.CloseAsync(cancellationToken: Token);
        await second.CloseAsync(cancellationToken: Token);
        await secondServer.CloseAsync(cancellationToken: Token);
        var third = Own(await transport.ConnectAsync(listener.LocalAddress, Token));
        await AssertDeliversAsync(third, await AcceptAsync(listener), "anew");
    }

    [Fact(Timeout = HangTimeout)]
    public async Task Connect_MoreConnectionsThanAllowed_IsClosedWithPolicyViolation()
    {
        var options = Options();
        options.MaxConnections = 1;
        var listener = await ListenAsync(options);
        var (client, server) = await OpenAsync(listener);
        var attempt = async () =>
        {
            await using var channel = await new QuicTransport(Options()).ConnectAsync(listener.LocalAddress, Token);
            await channel.ReceiveAsync(Token);
        };
        (await attempt.Should().ThrowAsync<MessageChannelClosedException>()).Which.CloseInfo.Status.Should().Be(ChannelCloseStatus.PolicyViolation);
        await AssertDeliversAsync(client, server, "the first goes on");
    }

    [Fact(Timeout = HangTimeout)]
    public async Task OpenChannel_ManyAtOnceBothWays_AllArriveAndAreTheirOwn()
    {
        const int Count = 40;
        var listener = await ListenAsync();
        var (first, firstServer) = await OpenAsync(listener);
        var client = first.GetFeature<IMultiplexedConnectionFeature>()!;
        var server = firstServer.GetFeature<IMultiplexedConnectionFeature>()!;
        var accepting = Enumerable.Range(0, Count).Select(_ => EchoAsync(() => listener.AcceptAsync(Token)))
            .Concat(Enumerable.Range(0, Count).Select(_ => EchoAsync(() => client.AcceptChannelAsync(Token))))
            .ToArray();
        await Task.WhenAll(Enumerable.Range(0, Count).SelectMany(i => new[] { AskAsync(client, $"client {i}"), AskAsync(server, $"server {i}") }));
        await Task.WhenAll(accepting);
        await AssertDeliversAsync(first, firstServer, "and the first is still there");

        static async Task EchoAsync(Func<ValueTask<IMessageChannel?>> accept)
        {
            await using var channel = await accept();
            while (await channel!.ReceiveAsync(Token) is { } message)
            {
                await channel.SendAsync(message, Token);
            }
        }

        static async Task AskAsync(IMultiplexedConnectionFeature connection, string text)
        {
            await using var channel = await connection.OpenChannelAsync(Token);
            await channel.SendAsync(Message.FromText(text), Token);
            (await channel.ReceiveAsync(Token))!.Value.GetText().Should().Be(text);
        }
    }

    [Fact(Timeout = HangTimeout)]
    public async Task OpenChannel_MoreThanThePeerAllows_WaitsAndCanBeCancelled()
    {
        var options = Options();
        options.MaxInboundChannels = 2;
        var listener = await ListenAsync(options);
        var (first, firstServer) = await OpenAsync(listener);
        var connection = first.GetFeature<IMultiplexedConnectionFeature>()!;
        var second = Own(await connection.OpenChannelAsync(Token));
        var secondServer = await AcceptAsync(listener);
        using var enough = new CancellationTokenSource();
        var given = connection.OpenChannelAsync(enough.Token).AsTask();
        var third = connection.OpenChannelAsync(Token).AsTask();
        await AssertDeliversAsync(first, firstServer, "nobody is held up");
        third.IsCompleted.Should().BeFalse();
        await enough.CancelAsync();
        await given.Invoking(one => one).Should().ThrowAsync<OperationCanceledException>();

        await second.CloseAsync(cancellationToken: Token);
        (await secondServer.ReceiveAsync(Token)).Should().BeNull();
        await secondServer.CloseAsync(cancellationToken: Token);
        await AssertDeliversAsync(Own(await third), await AcceptAsync(listener), "in its place");
    }

    [Fact(Timeout = HangTimeout)]
    public async Task Connect_SharedManyAtOnce_DialsOnce()
    {
        var options = Options();
        options.ShareConnections = true;
        var transport = new QuicTransport(options);
        var listener = await ListenAsync();
        var connecting = Enumerable.Range(0, 20).Select(_ => transport.ConnectAsync(listener.LocalAddress, Token).AsTask()).ToArray();
        foreach (var one in connecting)
        {
            Own(await one);
            await AcceptAsync(listener);
        }

        ((IQuicListenerStatisticsFeature)listener).ActiveConnections.Should().Be(1);
    }

    [Fact(Timeout = HangTimeout)]
    public async Task Connect_SharedConnectionAllowsNoMore_OthersGoElsewhere()
    {
        var options = Options();
        options.ShareConnections = true;
        var transport = new QuicTransport(options);
        await using var full = await RawQuic.ListenAsync(streams: 1, Token);
        var accepting = full.AcceptConnectionAsync(Token).AsTask();
        var first = Own(await transport.ConnectAsync(full.Address(), Token));
        await using var connection = await accepting;
        var waiting = transport.ConnectAsync(full.Address(), Token).AsTask();
        var listener = await ListenAsync();
        await AssertDeliversAsync(Own(await transport.ConnectAsync(listener.LocalAddress, Token)), await AcceptAsync(listener), "elsewhere");
        waiting.IsCompleted.Should().BeFalse();

        // It dies while a channel is being opened on it: that one connects anew.
        accepting = full.AcceptConnectionAsync(Token).AsTask();
        await connection.CloseAsync((long)ChannelCloseStatus.GoingAway, Token);
        Own(await waiting);
        await using var again = await accepting;
        (await first.Invoking(one => one.ReceiveAsync(Token).AsTask()).Should().ThrowAsync<MessageChannelClosedException>())
            .Which.CloseInfo.ProtocolErrorCode.Should().Be((long)ChannelCloseStatus.GoingAway);
    }

    [Fact(Timeout = HangTimeout)]
    public async Task Connect_SharedAndRefused_SaysSoAndTheNextOneDialsAnew()
    {
        var options = Options();
        options.ShareConnections = true;
        options.HandshakeTimeout = TimeSpan.FromSeconds(2);
        var transport = new QuicTransport(options);
        var listener = await ListenAsync();
        var address = listener.LocalAddress;
        await listener.DisposeAsync();
        await transport.Invoking(one => one.ConnectAsync(address, Token).AsTask()).Should().ThrowAsync<TransportException>();
        var anew = Own(await new QuicTransport(Options()).ListenAsync(address, Token));
        await AssertDeliversAsync(Own(await transport.ConnectAsync(address, Token)), await AcceptAsync(anew), "anew");
    }

    [Fact(Timeout = HangTimeout)]
    public async Task Connection_PeerClosesItBeforeAnyChannel_IsGivenBack()
    {
        await using var listener = await RawQuic.ListenAsync(streams: 1, Token);
        var connection = await RawQuic.ConnectAsync(listener.Address(), Token);
        var peer = new MultiplexedQuicConnection(connection, Options(), ChannelSide.Client, remoteAddress: null, accepted: null, NullLogger.Instance);
        await using var server = await listener.AcceptConnectionAsync(Token);
        await server.CloseAsync((long)ChannelCloseStatus.PolicyViolation, Token);
        await peer.AcceptStreamsAsync();
        await connection.Invoking(one => one.AcceptInboundStreamAsync(Token).AsTask()).Should().ThrowAsync<ObjectDisposedException>();
        (await peer.Invoking(one => one.OpenChannelAsync(Token).AsTask()).Should().ThrowAsync<MessageChannelClosedException>())
            .Which.CloseInfo.Should().Match<ChannelCloseInfo>(info => info.Status == ChannelCloseStatus.PolicyViolation && info.IsRemote);
    }

    [Fact(Timeout = HangTimeout)]
    public async Task OpenChannel_AfterTheLastOneClosedTheConnection_IsNotThePeersDoing()
    {
        var listener = await ListenAsync();
        var connection = await RawQuic.ConnectAsync(listener.LocalAddress, Token);
        var peer = new MultiplexedQuicConnection(connection, Options(), ChannelSide.Client, remoteAddress: null, accepted: null, NullLogger.Instance);
        var accepting = peer.AcceptStreamsAsync();
        var last = await peer.OpenChannelAsync(Token);
        var accepted = await AcceptAsync(listener);
        await last.CloseAsync(cancellationToken: Token);
        await accepted.CloseAsync(cancellationToken: Token);
        await accepting;
        (await peer.Invoking(one => one.OpenChannelAsync(Token).AsTask()).Should().ThrowAsync<MessageChannelClosedException>())
            .Which.CloseInfo.IsRemote.Should().BeFalse();
    }

    [Fact(Timeout = HangTimeout)]
    public async Task Listener_DisposedWhileItStops_WaitsForTheStop()
    {
        var listener = await ListenAsync();
        var stopping = listener.StopAcceptingAsync(Token).AsTask();
        await listener.DisposeAsync();

        // Both wait for one stop. Which of the two hears of it first is chance; that it is over is not.
        ((QuicMessageListener)listener).HasStopped.Should().BeTrue("a connection accepted last is closed with the others");
        await stopping;
    }
}
