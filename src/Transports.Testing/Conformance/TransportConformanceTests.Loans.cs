namespace Transports.Testing;

// A received message is lent until the next receive, and never shows another message's bytes.
public abstract partial class TransportConformanceTests
{
    /// <summary>Reading a message after the next receive throws and says what to do; its length and kind stay known.</summary>
    [Fact(Timeout = HangTimeout)]
    public async Task Message_AfterTheNextReceive_ThrowsInsteadOfShowingOtherBytes()
    {
        OnlyIfReliable();
        var pair = await OpenAsync();
        await pair.Sender.SendAsync(new Message[] { "first"u8.ToArray(), "other"u8.ToArray(), "third"u8.ToArray() }, Token);
        var first = Present(await pair.Receiver.ReceiveAsync(Token), 0);
        Assert.Equal("first", first.GetText());
        Assert.Equal("first", first.GetText());
        var second = Present(await pair.Receiver.ReceiveAsync(Token), 1);
        AssertLoanOver(first);
        Assert.Equal(5, first.Length);
        Assert.Equal("other", second.GetText());
        Message third;
        while (!pair.Receiver.TryReceive(out third))
        {
            AssertLoanOver(second);
            await Task.Yield();
        }

        AssertLoanOver(second);
        Assert.Equal("third", third.GetText());
        Assert.False(pair.Receiver.TryReceive(out _));
        AssertLoanOver(third);
    }

    /// <summary>A cancelled receive ends the loan too, as it may have touched the buffer.</summary>
    [Fact(Timeout = HangTimeout)]
    public async Task Message_AfterACancelledReceive_Throws()
    {
        OnlyIfReliable();
        var pair = await OpenAsync();
        await pair.Sender.SendAsync("first"u8.ToArray(), Token);
        var message = Present(await pair.Receiver.ReceiveAsync(Token), 0);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await pair.Receiver.ReceiveAsync(new CancellationToken(canceled: true)));
        AssertLoanOver(message);
    }

    /// <summary>A message of a channel that was disposed cannot be read any more.</summary>
    [Fact(Timeout = HangTimeout)]
    public async Task Message_AfterDispose_Throws()
    {
        OnlyIfReliable();
        var pair = await OpenAsync();
        await pair.Sender.SendAsync("first"u8.ToArray(), Token);
        var message = Present(await pair.Receiver.ReceiveAsync(Token), 0);
        await pair.Receiver.DisposeAsync();
        AssertLoanOver(message);
    }

    /// <summary>A message that is still lent can be read after the channel was aborted or the peer has gone: its memory is not taken away.</summary>
    [Fact(Timeout = HangTimeout)]
    public async Task Message_StillLentWhenTheChannelEnds_KeepsItsBytesOrThrows()
    {
        OnlyIfReliable();
        var pair = await OpenAsync();
        await pair.Sender.SendAsync(new Message[] { "lent"u8.ToArray(), "next"u8.ToArray() }, Token);
        var message = Present(await pair.Receiver.ReceiveAsync(Token), 0);
        pair.Receiver.Abort();
        await ClosedAsync(pair.Receiver);
        try
        {
            Assert.Equal("lent", message.GetText());
        }
        catch (InvalidOperationException)
        {
            // Ending the loan with the channel is allowed; showing other bytes is not.
        }
    }

    /// <summary>What was retained outlives the next receive and the channel, and its memory comes back once.</summary>
    [Fact(Timeout = HangTimeout)]
    public async Task Retain_AfterReceivesAndDispose_KeepsTheBytes()
    {
        OnlyIfReliable();
        const int Count = 200;
        var pair = await OpenAsync();
        var plan = new MessagePlan(Seed, 8192);
        var sending = Task.Run(() => SendPlannedAsync(pair.Sender, plan, 0, Count), Token);
        var kept = new List<RetainedMessage>();
        for (var i = 0; i < Count; i++)
        {
            kept.Add(Present(await pair.Receiver.ReceiveAsync(Token), i).Retain());
        }

        await sending;
        await Task.WhenAll(pair.Sender.DisposeAsync().AsTask(), pair.Receiver.DisposeAsync().AsTask());
        for (var i = 0; i < Count; i++)
        {
            AssertPlanned(kept[i].Message, plan, i);
            var message = kept[i].Message;
            kept[i].Dispose();
            kept[i].Dispose();
            AssertLoanOver(message);
        }
    }

    /// <summary>A received message can be sent on as it is, before the next receive.</summary>
    [Fact(Timeout = HangTimeout)]
    public async Task Send_OfALentMessage_CopiesItInTime()
    {
        OnlyIfReliable();
        const int Count = 2000;
        var source = await OpenAsync();
        var target = await ConnectAsync(source.Listener);
        var plan = new MessagePlan(Seed, Math.Min(source.Sender.Characteristics.MaxMessageSize, target.Sender.Characteristics.MaxMessageSize));
        var sending = Task.Run(() => SendPlannedAsync(source.Sender, plan, 0, Count), Token);
        var relaying = Task.Run(
            async () =>
            {
                for (var i = 0; i < Count; i++)
                {
                    await target.Sender.SendAsync(Present(await source.Receiver.ReceiveAsync(Token), i), Token);
                }
            },
            Token);
        await ReceivePlannedAsync(target.Receiver, plan, 0, Count);
        await Task.WhenAll(sending, relaying);
    }

    private static void AssertLoanOver(Message message)
    {
        var error = Assert.Throws<InvalidOperationException>(() => message.Payload);
        Assert.Contains("Retain()", error.Message, StringComparison.Ordinal);
        Assert.Throws<InvalidOperationException>(() => message.ToArray());
        Assert.Throws<InvalidOperationException>(() => message.Retain());
    }
}
