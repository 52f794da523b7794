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
        connection.OpenChannels.Should().Be(2);
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

        // The connection goes with its last channel; the next one dials anew.
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
}
