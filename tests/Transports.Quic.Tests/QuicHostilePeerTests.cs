using System.Net.Quic;

namespace Transports.Quic.Tests;

/// <summary>Peers that want to cost more than they may: what they hold is bounded and counted, and others are served.</summary>
public sealed class QuicHostilePeerTests : QuicFixture
{
    private const int Refused = 4003;
    private const int HandshakeFailed = 4001;
    private const int Unused = 4005;

    [Fact(Timeout = HangTimeout)]
    public async Task Streams_OpenedAndNeverWritten_AreBoundedCountedAndGivenUp()
    {
        var pool = new LeakTrackingArrayPool();
        var options = Options();
        options.MaxInboundChannels = 10;
        options.BufferPool = pool;
        options.HandshakeTimeout = TimeSpan.FromSeconds(2);
        var listener = await ListenAsync(options);
        var statistics = (IQuicListenerStatisticsFeature)listener;
        await using var raw = await RawQuic.ConnectAsync(listener.LocalAddress, Token);
        var streams = new List<QuicStream>();
        for (var i = 0; i < options.MaxInboundChannels; i++)
        {
            streams.Add(await raw.OpenOutboundStreamAsync(QuicStreamType.Bidirectional, Token));
        }

        // A frame on the last opens those before it too (RFC 9000, section 3.2); there is no room for one more.
        var eleventh = raw.OpenOutboundStreamAsync(QuicStreamType.Bidirectional, Token).AsTask();
        await streams[^1].WriteAsync(new byte[] { QuicStreamAcceptor.Preface }, Token);
        var accepted = await AcceptAsync(listener);
        eleventh.IsCompleted.Should().BeFalse();
        statistics.Should().Match<IQuicListenerStatisticsFeature>(counts => counts.ActiveConnections == 1 && counts.PendingStreamCount <= 10);
        pool.Rented.Should().Be(0, "who says nothing gets no buffer");

        var (client, server) = await OpenAsync(listener);
        await AssertDeliversAsync(client, server, "served all the same");

        // Given up in time, each with a code, and room again for what comes next.
        for (var i = 0; i < streams.Count - 1; i++)
        {
            (await streams[i].Invoking(stream => stream.ReadAsync(new byte[1], Token).AsTask()).Should().ThrowAsync<QuicException>())
                .Which.ApplicationErrorCode.Should().Be((long)ChannelCloseStatus.TimedOut);
        }

        statistics.StreamsRefused.Should().Be(9);
        await using var later = await eleventh;
        accepted.Abort();
        foreach (var stream in streams)
        {
            await stream.DisposeAsync();
        }
    }

    [Fact(Timeout = HangTimeout)]
    public async Task Stream_ThatIsNoChannel_IsRefusedWithProtocolErrorAndCounted()
    {
        using var log = new LogWatch(Refused);
        var listener = Own(await new QuicTransport(Options(), log).ListenAsync(new Uri("quic://localhost:0"), Token));
        await using var raw = await RawQuic.ConnectAsync(listener.LocalAddress, Token);
        await using var stream = await raw.OpenOutboundStreamAsync(QuicStreamType.Bidirectional, Token);
        await stream.WriteAsync("GET / HTTP/1.1"u8.ToArray(), Token);
        (await stream.Invoking(one => one.ReadAsync(new byte[1], Token).AsTask()).Should().ThrowAsync<QuicException>())
            .Which.ApplicationErrorCode.Should().Be((long)ChannelCloseStatus.ProtocolError);
        await log.Seen.WaitAsync(Token);
        var (client, server) = await OpenAsync(listener);
        await AssertDeliversAsync(client, server, "served all the same");
        ((IQuicListenerStatisticsFeature)listener).StreamsRefused.Should().Be(1);
    }

    [Fact(Timeout = HangTimeout)]
    public async Task Handshake_NeverFinished_IsGivenUpAndCounted()
    {
        const int Attempts = 5;
        using var log = new LogWatch(HandshakeFailed, Attempts);
        var options = Options();

        // Those who finish get it too, however busy the machine.
        options.HandshakeTimeout = TimeSpan.FromSeconds(10);
        var listener = Own(await new QuicTransport(options, log).ListenAsync(new Uri("quic://localhost:0"), Token));

        // Each from an address of its own.
        var attempts = Enumerable.Range(0, Attempts)
            .Select(_ => new QuicTransport(options).ConnectAsync(Own(new OneWayRelay(listener.LocalAddress)).Address, Token).AsTask())
            .ToArray();
        var (client, server) = await OpenAsync(listener);
        await AssertDeliversAsync(client, server, "served meanwhile");
        foreach (var attempt in attempts)
        {
            await attempt.Invoking(one => one).Should().ThrowAsync<TransportException>();
        }

        await log.Seen.WaitAsync(Token);
        ((IQuicListenerStatisticsFeature)listener).Should().Match<IQuicListenerStatisticsFeature>(counts => counts.HandshakesFailed == Attempts && counts.ActiveConnections == 1);
    }

    [Fact(Timeout = HangTimeout)]
    public async Task Connections_MoreThanAllowed_AreRefusedAndCounted()
    {
        const int Allowed = 10;
        const int TooMany = 30;
        var options = Options();
        options.MaxConnections = Allowed;
        var listener = await ListenAsync(options);
        var channels = new List<(IMessageChannel Client, IMessageChannel Server)>();
        for (var i = 0; i < Allowed; i++)
        {
            channels.Add(await OpenAsync(listener));
        }

        var attempts = Enumerable.Range(0, TooMany).Select(async _ =>
        {
            await using var channel = await new QuicTransport(Options()).ConnectAsync(listener.LocalAddress, Token);
            await channel.ReceiveAsync(Token);
        });
        foreach (var attempt in attempts.ToArray())
        {
            (await attempt.Invoking(one => one).Should().ThrowAsync<MessageChannelClosedException>())
                .Which.CloseInfo.Status.Should().Be(ChannelCloseStatus.PolicyViolation);
        }

        ((IQuicListenerStatisticsFeature)listener).Should().Match<IQuicListenerStatisticsFeature>(counts => counts.ActiveConnections == Allowed && counts.ConnectionsRefused == TooMany);
        foreach (var (client, server) in channels)
        {
            await AssertDeliversAsync(client, server, "served all the same");
        }
    }

    [Fact(Timeout = HangTimeout)]
    public async Task Connection_WithoutAnyChannel_IsClosedThoughKeptAlive()
    {
        using var log = new LogWatch(Unused);
        var options = Options();
        options.IdleTimeout = TimeSpan.FromSeconds(1);
        options.KeepAliveInterval = TimeSpan.FromMilliseconds(100);
        var listener = Own(await new QuicTransport(options, log).ListenAsync(new Uri("quic://localhost:0"), Token));
        await using var raw = await RawQuic.ConnectAsync(listener.LocalAddress, Token);
        await log.Seen.WaitAsync(Token);
        (await raw.ClosedAsync(Token)).Should().Be((long)ChannelCloseStatus.TimedOut);
    }

    [Fact(Timeout = HangTimeout)]
    public async Task Listener_Disposed_ClosesTheConnectionOfAClientThatStays()
    {
        var listener = await ListenAsync();
        await using var raw = await RawQuic.ConnectAsync(listener.LocalAddress, Token);
        await using var stream = await raw.OpenOutboundStreamAsync(QuicStreamType.Bidirectional, Token);
        await stream.WriteAsync(new byte[] { QuicStreamAcceptor.Preface }, Token);
        var accepted = await AcceptAsync(listener);
        await listener.DisposeAsync();
        await accepted.CloseAsync(cancellationToken: Token);
        (await stream.ReadAsync(new byte[1], Token)).Should().Be(0);
        stream.CompleteWrites();

        // The client keeps the connection; the side that listened does not.
        (await raw.ClosedAsync(Token)).Should().Be((long)ChannelCloseStatus.GoingAway);
    }
}
