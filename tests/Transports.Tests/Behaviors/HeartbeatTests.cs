using System.Text;

namespace Transports.Tests.Behaviors;

public sealed class HeartbeatTests
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);
    private static readonly byte[] Ping = Encoding.ASCII.GetBytes("transports/heartbeat/1");

    private readonly ManualTimeProvider _time = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Interval_NothingSent_SendsOnePing()
    {
        await using var pair = await MemoryPair.OpenAsync();
        await using var client = pair.Client.WithHeartbeat(Options());

        _time.Advance(Interval);

        (await pair.Server.ReceiveAsync(Token))!.Value.ToArray().Should().Equal(Ping);
        pair.Server.TryReceive(out _).Should().BeFalse();
    }

    [Fact]
    public async Task Interval_SomethingSent_SendsNoPing()
    {
        await using var pair = await MemoryPair.OpenAsync();
        await using var client = pair.Client.WithHeartbeat(Options());
        await client.SendAsync(new byte[1], Token);

        _time.Advance(Interval);

        pair.Server.TryReceive(out var message).Should().BeTrue();
        message.Length.Should().Be(1);
        pair.Server.TryReceive(out _).Should().BeFalse();
    }

    [Fact]
    public async Task Interval_BufferFull_KeepsOnePingWaiting()
    {
        await using var pair = await MemoryPair.OpenAsync(new MemoryTransportOptions { SendBufferSize = 1024 });
        await using var client = pair.Client.WithHeartbeat(Options());
        await client.SendAsync(new byte[1024], Token);

        _time.Advance(Interval * 5);

        (await pair.Server.ReceiveAsync(Token))!.Value.Length.Should().Be(1024);
        (await pair.Server.ReceiveAsync(Token))!.Value.ToArray().Should().Equal(Ping);
        pair.Server.TryReceive(out _).Should().BeFalse();
    }

    [Fact]
    public async Task Receive_Pings_AreNotSeen()
    {
        await using var pair = await MemoryPair.OpenAsync();
        await using var client = pair.Client.WithHeartbeat(Options());
        await pair.Server.SendAsync(Ping, Token);
        await pair.Server.SendAsync(Ping, Token);
        await pair.Server.SendAsync("data"u8.ToArray(), Token);
        await pair.Server.SendAsync(Ping, Token);
        await pair.Server.SendAsync("more"u8.ToArray(), Token);
        await pair.Server.SendAsync(Ping, Token);

        (await client.ReceiveAsync(Token))!.Value.GetText().Should().Be("data");
        client.TryReceive(out var more).Should().BeTrue();
        more.GetText().Should().Be("more");
        client.TryReceive(out _).Should().BeFalse();
    }

    [Fact]
    public async Task Receive_PeerSilent_EndsAsTimedOut()
    {
        await using var pair = await MemoryPair.OpenAsync();
        await using var client = pair.Client.WithHeartbeat(Options());
        var receiving = client.ReceiveAsync(Token).AsTask();

        _time.Advance(Interval * 2);
        receiving.IsCompleted.Should().BeFalse();
        _time.Advance(Interval);

        (await receiving.Invoking(task => task).Should().ThrowAsync<MessageChannelClosedException>())
            .Which.CloseInfo.Status.Should().Be(ChannelCloseStatus.TimedOut);
        (await client.Closed.WaitAsync(Token)).Should().BeEquivalentTo(new { Status = ChannelCloseStatus.TimedOut, IsRemote = false });
    }

    [Fact]
    public async Task Receive_PeerPingsWithinTheTimeout_StaysOpen()
    {
        await using var pair = await MemoryPair.OpenAsync();
        await using var client = pair.Client.WithHeartbeat(Options());
        await using var server = pair.Server.WithHeartbeat(Options());
        var clientReceives = client.ReceiveAsync(Token).AsTask();
        var serverReceives = server.ReceiveAsync(Token).AsTask();

        for (var i = 0; i < 20; i++)
        {
            _time.Advance(Interval);

            // Both have taken the ping: it went through the receivers' threads.
            await WhenDrainedAsync(pair.Client, pair.Server);
        }

        await server.SendAsync("alive"u8.ToArray(), Token);
        (await clientReceives)!.Value.GetText().Should().Be("alive");
        await client.SendAsync("too"u8.ToArray(), Token);
        (await serverReceives)!.Value.GetText().Should().Be("too");
    }

    [Fact]
    public async Task NoReceiveWaits_PeerSilent_IsNotJudged()
    {
        await using var pair = await MemoryPair.OpenAsync();
        await using var client = pair.Client.WithHeartbeat(Options());

        _time.Advance(Interval * 100);

        client.Closed.IsCompleted.Should().BeFalse();
    }

    [Fact]
    public async Task SendAsync_ThePingsPayload_IsRefused()
    {
        await using var pair = await MemoryPair.OpenAsync();
        await using var client = pair.Client.WithHeartbeat(Options());

        await client.Invoking(async c => await c.SendAsync(Ping, Token)).Should().ThrowAsync<MessageFramingException>();
        await client.Invoking(async c => await c.SendAsync(new Message[] { new byte[1], Ping }.AsMemory(), Token)).Should().ThrowAsync<MessageFramingException>();
        pair.Server.TryReceive(out _).Should().BeFalse();
    }

    [Fact]
    public async Task CompleteSendingAsync_Later_NoPingFollows()
    {
        await using var pair = await MemoryPair.OpenAsync();
        await using var client = pair.Client.WithHeartbeat(Options());
        await client.CompleteSendingAsync(Token);

        _time.Advance(Interval * 2);

        (await pair.Server.ReceiveAsync(Token)).Should().BeNull();
    }

    [Fact]
    public async Task ReceiveAsync_Cancelled_LosesNothing()
    {
        await using var pair = await MemoryPair.OpenAsync();
        await using var client = pair.Client.WithHeartbeat(Options());
        using var cancel = new CancellationTokenSource();
        var receiving = client.ReceiveAsync(cancel.Token).AsTask();
        await cancel.CancelAsync();
        await receiving.Invoking(task => task).Should().ThrowAsync<OperationCanceledException>();

        await pair.Server.SendAsync(new byte[3], Token);

        (await client.ReceiveAsync(Token))!.Value.Length.Should().Be(3);
    }

    [Fact]
    public void Validate_TimeoutTooShort_NamesBoth()
    {
        var act = () => new HeartbeatOptions { Interval = Interval, Timeout = Interval }.Validate();

        act.Should().Throw<ArgumentOutOfRangeException>().WithMessage("Timeout*Interval*");
    }

    private static async Task WhenDrainedAsync(params IMessageChannel[] channels)
    {
        foreach (var channel in channels)
        {
            while (!((MemoryMessageChannel)channel).HasReceivedAll)
            {
                await Task.Yield();
            }
        }
    }

    private HeartbeatOptions Options() => new() { Interval = Interval, Timeout = 3 * Interval, TimeProvider = _time };
}
