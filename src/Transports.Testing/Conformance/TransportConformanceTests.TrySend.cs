namespace Transports.Testing;

// A send that never waits.
public abstract partial class TransportConformanceTests
{
    // So many in a row without room mean that the channel is full, not just busy with its last write.
    private const int RefusedInARow = 50;

    /// <summary>With room, a message is taken, and arrives with its kind; one of no bytes too.</summary>
    [Fact(Timeout = HangTimeout)]
    public async Task TrySend_ThereIsRoom_MessageArrives()
    {
        var pair = await OpenAsync();
        var receiving = ReceiveOtherThanGreetingAsync(pair.Receiver);
        do
        {
            // Nothing stands before it, but where datagrams are sent again.
            Assert.True(pair.Sender.TrySend("text") || !Promised.IsReliable);
            await pair.Sender.FlushAsync(Token);
        }
        while (!Promised.IsReliable && await Task.WhenAny(receiving, Task.Delay(GreetingPause, Token)) != receiving);

        var message = await receiving;
        Assert.Equal("text", message.GetText());
        Assert.True(!pair.Receiver.Characteristics.PreservesMessageKind || message.Kind == MessageKind.Text, "The kind did not arrive.");
        if (!Promised.IsReliable)
        {
            return;
        }

        Assert.True(pair.Sender.TrySend(Array.Empty<byte>()));
        Assert.Empty(await ReceiveBytesAsync(pair.Receiver));
        Assert.True(pair.Sender.TrySend("bytes"u8.ToArray()));
        message = Present(await pair.Receiver.ReceiveAsync(Token), 0);
        Assert.Equal("bytes", message.GetText());
        Assert.True(!pair.Receiver.Characteristics.PreservesMessageKind || message.Kind == MessageKind.Binary, "The kind did not arrive.");
    }

    /// <summary>A reader that stalls: the channel takes a bounded number of messages and then says that there is no room. Those it took arrive, the others never do, and when the reader has read there is room again.</summary>
    [Fact(Timeout = HangTimeout)]
    public async Task TrySend_ReaderStalls_FindsNoRoomAndOnlyWhatWasTakenArrives()
    {
        OnlyIfReliable();
        const int Size = 4000;
        var pair = await OpenAsync(client: Small(ChannelSide.Client), server: Small(ChannelSide.Server));
        var taken = await TryToFillAsync(pair.Sender, Size);
        Assert.NotEmpty(taken);
        Assert.False(pair.Sender.Closed.IsCompleted);
        foreach (var number in taken)
        {
            Assert.Equal(number, BitConverter.ToInt32(await ReceiveBytesAsync(pair.Receiver)));
        }

        // All that was sent was received, so the buffer is empty.
        Assert.True(pair.Sender.TrySend("there is room again"u8.ToArray()));
        Assert.Equal("there is room again"u8.ToArray(), await ReceiveBytesAsync(pair.Receiver));
    }

    /// <summary>While a send waits for room, nothing overtakes it, however small.</summary>
    [Fact(Timeout = HangTimeout)]
    public async Task TrySend_AnotherSendWaits_DoesNotOvertakeIt()
    {
        OnlyIfReliable();
        var pair = await OpenAsync(client: Small(ChannelSide.Client), server: Small(ChannelSide.Server));
        var taken = await FillAsync(pair.Sender, SmallBuffer / 2);
        var waiting = new byte[SmallBuffer];
        waiting[0] = 1;
        var behind = 0;
        var sending = pair.Sender.SendAsync(waiting, Token).AsTask();
        SkipUnless(!sending.IsCompleted, $"{Name} has found room once more.");
        Assert.False(pair.Sender.TrySend(Array.Empty<byte>()), "A message was taken although an earlier one waits for room.");
        foreach (var expected in taken)
        {
            // Each receive may make the room that the first in the row waits for.
            Assert.Equal(expected, await ReceiveBytesAsync(pair.Receiver));
            if (pair.Sender.TrySend(new byte[] { 2 }))
            {
                behind++;
            }
        }

        Assert.Equal(waiting, await ReceiveBytesAsync(pair.Receiver));
        await sending;
        for (var i = 0; i < behind; i++)
        {
            Assert.Equal([2], await ReceiveBytesAsync(pair.Receiver));
        }
    }

    /// <summary>A message that is larger than the whole output buffer finds room in an empty one.</summary>
    [Fact(Timeout = HangTimeout)]
    public async Task TrySend_LargerThanTheSendBuffer_IsTakenWhenNothingStandsBeforeIt()
    {
        OnlyIfReliable();
        var pair = await OpenAsync(client: Large(ChannelSide.Client), server: Large(ChannelSide.Server));
        SkipUnless(pair.Sender.Characteristics.MaxMessageSize >= 4 * SmallBuffer, $"{Name} carries no message that is larger than a buffer.");
        var large = new byte[4 * SmallBuffer];
        new Random(Seed).NextBytes(large);
        for (var i = 0; i < 3; i++)
        {
            Assert.True(pair.Sender.TrySend(large), "Nothing stands before it.");
            Assert.Equal(large, await ReceiveBytesAsync(pair.Receiver));
        }

        ConformanceOptions Large(ChannelSide side) => new(side, Pool) { SendBufferSize = SmallBuffer, ReceiveBufferSize = SmallBuffer, MaxMessageSize = 4 * SmallBuffer };
    }

    /// <summary>A message that cannot be sent is not one for which there is no room: what a send would throw is thrown.</summary>
    [Fact(Timeout = HangTimeout)]
    public async Task TrySend_CannotSend_ThrowsWhatASendDoes()
    {
        var pair = await OpenAsync();
        var limit = pair.Sender.Characteristics.MaxMessageSize;
        Assert.Equal(limit, Assert.Throws<MessageTooLargeException>(() => pair.Sender.TrySend(new byte[limit + 1])).Limit);
        if (Promised.Direction != ChannelDirection.Bidirectional)
        {
            Assert.Throws<NotSupportedException>(() => pair.Receiver.TrySend("no"u8.ToArray()));
        }

        if (pair.Sender.Characteristics.SupportsHalfClose)
        {
            await pair.Sender.CompleteSendingAsync(Token);
            Assert.Throws<InvalidOperationException>(() => pair.Sender.TrySend("no"u8.ToArray()));
        }

        await pair.Sender.CloseAsync(cancellationToken: Token);
        Assert.Throws<MessageChannelClosedException>(() => pair.Sender.TrySend("no"u8.ToArray()));
        Assert.Throws<MessageChannelClosedException>(() => pair.Sender.TrySend("no"));
        await pair.Sender.DisposeAsync();
        Assert.Throws<MessageChannelClosedException>(() => pair.Sender.TrySend("no"u8.ToArray()));
    }

    // Messages that begin with their number, until there is no room for more as nobody receives. Returns the numbers of those that were taken.
    private async Task<List<int>> TryToFillAsync(IMessageChannel channel, int size)
    {
        var giveUpAt = (4 * MaxBytesInFlight) + (4 * 1024 * 1024);
        var taken = new List<int>();
        var refused = 0;
        for (var number = 0; refused < RefusedInARow; number++)
        {
            Assert.True((long)taken.Count * size <= giveUpAt, $"The channel has taken {(long)taken.Count * size} bytes that nobody receives, and still finds room.");
            var payload = new byte[size];
            BitConverter.TryWriteBytes(payload, number);
            if (channel.TrySend(payload))
            {
                taken.Add(number);
                refused = 0;
            }
            else
            {
                refused++;

                // Gives a flusher on another thread its turn: what counts is that nothing moves any more.
                await Task.Delay(1, Token);
            }

            // What is written into afterwards is the caller's own.
            payload.AsSpan().Clear();
        }

        return taken;
    }
}
