using System.Globalization;

namespace Transports.Testing;

// Sizes and memory are bounded.
public abstract partial class TransportConformanceTests
{
    private const int SmallBuffer = 4096;

    /// <summary>A message over the limit is refused by its sender, alone or in a batch, and the channel goes on.</summary>
    [Fact(Timeout = HangTimeout)]
    public async Task Send_OverTheLimit_IsRefusedAndTheChannelGoesOn()
    {
        var pair = await OpenAsync();
        var limit = pair.Sender.Characteristics.MaxMessageSize;
        var refusal = await Assert.ThrowsAsync<MessageTooLargeException>(async () => await pair.Sender.SendAsync(new byte[limit + 1], Token));
        Assert.Equal(limit + 1, refusal.Size);
        Assert.Equal(limit, refusal.Limit);
        await Assert.ThrowsAsync<MessageTooLargeException>(
            async () => await pair.Sender.SendAsync(new Message[] { "never"u8.ToArray(), new byte[limit + 1] }, Token));
        Assert.Equal("sent"u8.ToArray(), (await DeliverAsync(pair.Sender, pair.Receiver, "sent"u8.ToArray())).ToArray());
        var largest = new byte[limit];
        new Random(Seed).NextBytes(largest);
        Message received;
        do
        {
            received = await DeliverAsync(pair.Sender, pair.Receiver, largest);
        }
        while (!Promised.IsReliable && received.Length != limit);
        Assert.Equal(largest, received.ToArray());
        Assert.False(pair.Sender.Closed.IsCompleted);
        Assert.False(pair.Receiver.Closed.IsCompleted);
    }

    /// <summary>A message over the receiver's limit ends that channel with MessageTooLarge there; messages before it arrive, and other channels go on.</summary>
    [Fact(Timeout = HangTimeout)]
    public async Task Receive_OverTheLimit_EndsThatChannelOnly()
    {
        OnlyIfReliable();
        OnlyIfBidirectional();
        const int Limit = 1024;
        var server = new ConformanceOptions(ChannelSide.Server, Pool) { MaxMessageSize = Limit };
        var pair = await OpenAsync(server: server);
        SkipUnless(pair.Client.Characteristics.MaxMessageSize > Limit, $"{Name} tells the sender the receiver's limit, so an oversize message is refused there.");
        var other = await ConnectAsync(pair.Listener);
        await pair.Client.SendAsync("before"u8.ToArray(), Token);
        await pair.Client.SendAsync(new byte[Limit + 1], Token);
        Assert.Equal("before"u8.ToArray(), await ReceiveBytesAsync(pair.Server));
        var refusal = await Assert.ThrowsAsync<MessageTooLargeException>(async () => await pair.Server.ReceiveAsync(Token));
        Assert.Equal(Limit, refusal.Limit);
        Assert.True(refusal.Size > Limit, $"A size of {refusal.Size} is not over the limit.");
        var end = await ClosedAsync(pair.Server);
        Assert.Equal(ChannelCloseStatus.MessageTooLarge, end.Status);
        Assert.False(end.IsRemote);
        await Assert.ThrowsAsync<MessageTooLargeException>(async () => await pair.Server.ReceiveAsync(Token));
        await Assert.ThrowsAsync<MessageChannelClosedException>(async () => await pair.Server.SendAsync("late"u8.ToArray(), Token));

        await other.Client.SendAsync(new byte[Limit], Token);
        Assert.Equal(Limit, (await ReceiveBytesAsync(other.Server)).Length);
        await other.Server.SendAsync("goes on"u8.ToArray(), Token);
        Assert.Equal("goes on"u8.ToArray(), await ReceiveBytesAsync(other.Client));
    }

    /// <summary>A reader that stalls makes the sender wait, with a bounded number of bytes on their way; when it reads on, all of them arrive.</summary>
    [Fact(Timeout = HangTimeout)]
    public async Task Send_ReaderStalls_SenderWaitsWithinTheBoundAndNothingIsLost()
    {
        OnlyIfReliable();
        const int Size = 16 * 1024;
        const int Buffer = 64 * 1024;
        var pair = await OpenAsync();

        // Two output buffers and the receiver's one, each of which may hold one message more than its limit.
        const long OwnBound = (3 * Buffer) + (3 * Size);
        var bound = OwnBound + MaxBytesInFlight;
        var taken = await FillAsync(pair.Sender, Size);
        var bytes = (long)taken.Count * Size;
        Assert.True(bytes <= bound, string.Create(CultureInfo.InvariantCulture, $"{bytes} bytes were accepted that nobody reads; the bound is {bound}."));

        // Pools round up to powers of two, and a buffer that grows is held twice while it is copied.
        Assert.True(
            Pool.PeakOutstandingBytes <= (4 * OwnBound) + MaxBytesInFlight,
            string.Create(CultureInfo.InvariantCulture, $"The channels held {Pool.PeakOutstandingBytes} bytes of pooled memory for a stalled reader."));

        foreach (var expected in taken)
        {
            Assert.Equal(expected, await ReceiveBytesAsync(pair.Receiver));
        }
    }

    /// <summary>While one channel's reader stalls, other channels of the same listener go on.</summary>
    [Fact(Timeout = HangTimeout)]
    public async Task Send_OneReaderStalls_OtherChannelsGoOn()
    {
        OnlyIfReliable();
        const int Count = 1000;
        var stalled = await OpenAsync(client: Small(ChannelSide.Client), server: Small(ChannelSide.Server));
        await FillAsync(stalled.Sender, SmallBuffer);
        var other = await ConnectAsync(stalled.Listener);
        var plan = new MessagePlan(Seed, SmallBuffer);
        await TogetherAsync(
        [
            Task.Run(() => SendPlannedAsync(other.Sender, plan, 0, Count), Token),
            Task.Run(() => ReceivePlannedAsync(other.Receiver, plan, 0, Count), Token),
        ]);
    }

    private ConformanceOptions Small(ChannelSide side)
        => new(side, Pool) { SendBufferSize = SmallBuffer, ReceiveBufferSize = SmallBuffer, MaxMessageSize = SmallBuffer };
}
