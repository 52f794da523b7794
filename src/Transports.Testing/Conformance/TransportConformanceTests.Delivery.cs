using System.Buffers.Binary;

namespace Transports.Testing;

// Every message arrives whole, once and in order.
public abstract partial class TransportConformanceTests
{
    private const int SenderCount = 16;
    private const int BatchLength = 8;

    /// <summary>Messages of mixed sizes, empty ones and ones of the largest size among them, arrive whole and in order, both ways at once.</summary>
    [Fact(Timeout = HangTimeout)]
    public async Task Send_ManyMessagesOfMixedSizes_ArriveWholeAndInOrder()
    {
        OnlyIfReliable();
        var pair = await OpenAsync();
        var plan = new MessagePlan(Seed, pair.Sender.Characteristics.MaxMessageSize);
        var running = new List<Task>
        {
            Task.Run(() => SendPlannedAsync(pair.Sender, plan, 0, MessageCount), Token),
            Task.Run(() => ReceivePlannedAsync(pair.Receiver, plan, 0, MessageCount), Token),
        };
        if (pair.Sender.Characteristics.Direction == ChannelDirection.Bidirectional)
        {
            var back = new MessagePlan(Seed + 1, pair.Receiver.Characteristics.MaxMessageSize);
            running.Add(Task.Run(() => SendPlannedAsync(pair.Receiver, back, 0, MessageCount), Token));
            running.Add(Task.Run(() => ReceivePlannedAsync(pair.Sender, back, 0, MessageCount), Token));
        }

        await TogetherAsync(running);
    }

    /// <summary>Each of many senders at once keeps its own order; no message is torn and no batch has another's message inside.</summary>
    [Fact(Timeout = HangTimeout)]
    public async Task Send_ManySendersAtOnce_EachKeepsItsOrderAndBatchesStayTogether()
    {
        OnlyIfReliable();
        var pair = await OpenAsync();
        var perSender = MessageCount / 4 / SenderCount / BatchLength * BatchLength;
        var sending = Enumerable.Range(0, SenderCount).Select(sender => Task.Run(() => SendNumberedAsync(pair.Sender, sender, perSender), Token)).ToArray();
        var next = new int[SenderCount];
        (int Sender, int Left) batch = default;
        for (var i = 0; i < SenderCount * perSender; i++)
        {
            var (sender, number, placeInBatch) = ReadNumbered(Present(await pair.Receiver.ReceiveAsync(Token), i));
            Assert.Equal(next[sender]++, number);
            if (batch.Left > 0)
            {
                Assert.Equal(batch.Sender, sender);
                Assert.Equal(BatchLength - batch.Left, placeInBatch);
                batch.Left--;
            }
            else if (placeInBatch != byte.MaxValue)
            {
                Assert.Equal(0, placeInBatch);
                batch = (sender, BatchLength - 1);
            }
        }

        await Task.WhenAll(sending);
    }

    /// <summary>Questions and answers in turn: nothing waits for a later message to push it out.</summary>
    [Fact(Timeout = HangTimeout)]
    public async Task SendAndReceive_InTurn_EveryMessageIsAnswered()
    {
        OnlyIfReliable();
        OnlyIfBidirectional();
        const int Rounds = 2000;
        var pair = await OpenAsync();
        var plan = new MessagePlan(Seed, 4096);
        var answering = Task.Run(
            async () =>
            {
                for (var i = 0; i < Rounds; i++)
                {
                    await pair.Server.SendAsync(Present(await pair.Server.ReceiveAsync(Token), i), Token);
                }
            },
            Token);
        for (var i = 0; i < Rounds; i++)
        {
            await pair.Client.SendAsync(new Message(plan[i]), Token);
            AssertPlanned(Present(await pair.Client.ReceiveAsync(Token), i), plan, i);
        }

        await answering;
    }

    /// <summary>A message of no bytes is a message, not the end.</summary>
    [Fact(Timeout = HangTimeout)]
    public async Task Send_EmptyMessage_ArrivesAsAMessage()
    {
        OnlyIfReliable();
        var pair = await OpenAsync();
        await pair.Sender.SendAsync(Array.Empty<byte>(), Token);
        await pair.Sender.SendAsync(new Message[] { Array.Empty<byte>(), Array.Empty<byte>() }, Token);
        await pair.Sender.SendAsync("after"u8.ToArray(), Token);
        for (var i = 0; i < 3; i++)
        {
            Assert.Empty(await ReceiveBytesAsync(pair.Receiver));
        }

        Assert.Equal("after"u8.ToArray(), await ReceiveBytesAsync(pair.Receiver));
    }

    /// <summary>An empty batch sends nothing, and completes.</summary>
    [Fact(Timeout = HangTimeout)]
    public async Task Send_EmptyBatch_SendsNothing()
    {
        OnlyIfReliable();
        var pair = await OpenAsync();
        await pair.Sender.SendAsync(ReadOnlyMemory<Message>.Empty, Token);
        await pair.Sender.SendAsync("only"u8.ToArray(), Token);
        Assert.Equal("only"u8.ToArray(), await ReceiveBytesAsync(pair.Receiver));
    }

    /// <summary>A payload in several pieces of memory arrives as one.</summary>
    [Fact(Timeout = HangTimeout)]
    public async Task Send_PayloadInPieces_ArrivesAsOne()
    {
        OnlyIfReliable();
        var pair = await OpenAsync();
        await pair.Sender.SendAsync(new Message(Pieces.Of("one "u8.ToArray(), [], "two "u8.ToArray(), "three"u8.ToArray())), Token);
        Assert.Equal("one two three"u8.ToArray(), await ReceiveBytesAsync(pair.Receiver));
    }

    /// <summary>Once a send has completed, the caller may overwrite its memory.</summary>
    [Fact(Timeout = HangTimeout)]
    public async Task Send_Completed_MemoryIsTheCallersAgain()
    {
        OnlyIfReliable();
        const int Count = 1000;
        var pair = await OpenAsync();
        var plan = new MessagePlan(Seed, pair.Sender.Characteristics.MaxMessageSize);
        var sending = Task.Run(
            async () =>
            {
                var memory = new byte[pair.Sender.Characteristics.MaxMessageSize];
                for (var i = 0; i < Count; i++)
                {
                    plan[i].CopyTo(memory);
                    await pair.Sender.SendAsync(new Message(memory.AsMemory(0, plan[i].Length)), Token);
                    Array.Clear(memory);
                }
            },
            Token);
        await ReceivePlannedAsync(pair.Receiver, plan, 0, Count);
        await sending;
    }

    /// <summary>The kind arrives with the message, where the transport says so; elsewhere every message is binary.</summary>
    [Fact(Timeout = HangTimeout)]
    public async Task Send_TextAndBinary_KindArrivesWherePreserved()
    {
        OnlyIfReliable();
        var pair = await OpenAsync();
        await pair.Sender.SendAsync(Message.FromText("zwölf €"), Token);
        await pair.Sender.SendAsync(new byte[] { 0xFF, 0x00 }, Token);
        var text = Present(await pair.Receiver.ReceiveAsync(Token), 0);
        Assert.Equal("zwölf €", text.GetText());
        Assert.Equal(pair.Receiver.Characteristics.PreservesMessageKind ? MessageKind.Text : MessageKind.Binary, text.Kind);
        var binary = Present(await pair.Receiver.ReceiveAsync(Token), 1);
        Assert.Equal(new byte[] { 0xFF, 0x00 }, binary.ToArray());
        Assert.Equal(MessageKind.Binary, binary.Kind);
    }

    /// <summary>Flush completes, with something to flush and without; and a message arrives without it.</summary>
    [Fact(Timeout = HangTimeout)]
    public async Task Flush_BetweenSends_CompletesAndLosesNothing()
    {
        OnlyIfReliable();
        const int Count = 500;
        var pair = await OpenAsync();
        var plan = new MessagePlan(Seed, pair.Sender.Characteristics.MaxMessageSize);
        await pair.Sender.FlushAsync(Token);
        var receiving = Task.Run(() => ReceivePlannedAsync(pair.Receiver, plan, 0, Count), Token);
        var sending = Task.Run(
            async () =>
            {
                for (var i = 0; i < Count; i++)
                {
                    await pair.Sender.SendAsync(new Message(plan[i]), Token);
                    if (i % 3 == 0)
                    {
                        await Task.WhenAll(pair.Sender.FlushAsync(Token).AsTask(), pair.Sender.FlushAsync(Token).AsTask());
                    }
                }
            },
            Token);
        await TogetherAsync([sending, receiving]);
    }

    /// <summary>TryReceive gives what has arrived, in order with ReceiveAsync, and never anything else.</summary>
    [Fact(Timeout = HangTimeout)]
    public async Task TryReceive_AfterABatch_DrainsInOrder()
    {
        OnlyIfReliable();
        const int Count = 64;
        var pair = await OpenAsync();
        Assert.False(pair.Receiver.TryReceive(out _));
        var plan = new MessagePlan(Seed, 512);
        await pair.Sender.SendAsync(Enumerable.Range(0, Count).Select(i => new Message(plan[i])).ToArray(), Token);
        await pair.Sender.FlushAsync(Token);
        var drained = 0;
        for (var i = 0; i < Count; i++)
        {
            if (pair.Receiver.TryReceive(out var message))
            {
                drained++;
            }
            else
            {
                message = Present(await pair.Receiver.ReceiveAsync(Token), i);
            }

            AssertPlanned(message, plan, i);
        }

        Assert.False(pair.Receiver.TryReceive(out _));

        // Where the wire keeps messages apart, each may need a read of its own, and TryReceive never reads.
        Assert.True(
            drained > 0 || pair.Receiver.Characteristics.PreservesMessageBoundaries,
            "64 small messages were sent in one batch, and TryReceive found none of them after ReceiveAsync had fetched the first.");
    }

    /// <summary>Objects as JSON, by a typed channel over the transport, arrive equal and in order; one that cannot be read costs that message alone.</summary>
    [Fact(Timeout = HangTimeout)]
    public async Task SendAndReceive_TypedAsJson_ArriveEqual()
    {
        OnlyIfReliable();
        const int Count = 1000;
        var pair = await OpenAsync();
        await using var sender = pair.Sender.WithJson(ConformanceJsonContext.Default.ConformanceRecord);
        await using var receiver = pair.Receiver.WithJson(ConformanceJsonContext.Default.ConformanceRecord);
        var sending = Task.Run(
            async () =>
            {
                for (var i = 0; i < Count; i++)
                {
                    await sender.SendAsync(Record(i), Token);
                }
            },
            Token);
        for (var i = 0; i < Count; i++)
        {
            Assert.Equal(Record(i), (await receiver.ReceiveAsync(Token)).Value);
        }

        await sending;
        await pair.Sender.SendAsync("no JSON"u8.ToArray(), Token);
        await sender.SendAsync(Record(Count), Token);
        await Assert.ThrowsAnyAsync<Exception>(async () => await receiver.ReceiveAsync(Token));
        Assert.Equal(Record(Count), (await receiver.ReceiveAsync(Token)).Value);

        static ConformanceRecord Record(int i) => new(i, new string((char)('a' + (i % 26)), i % 300) + "ü€");
    }

    private static async Task SendNumberedAsync(IMessageChannel channel, int sender, int count)
    {
        var random = new Random(Seed + sender);
        var number = 0;
        while (number < count)
        {
            if (number + BatchLength <= count && random.Next(3) == 0)
            {
                var batch = new Message[BatchLength];
                for (var place = 0; place < BatchLength; place++)
                {
                    batch[place] = Numbered(sender, number++, (byte)place, random.Next(100));
                }

                await channel.SendAsync(batch, Token);
            }
            else
            {
                await channel.SendAsync(Numbered(sender, number++, byte.MaxValue, random.Next(2000)), Token);
            }
        }
    }

    // Sender, place in its batch, number, and a tail of the sender's own byte: a torn message shows in the tail.
    private static byte[] Numbered(int sender, int number, byte placeInBatch, int tail)
    {
        var bytes = new byte[6 + tail];
        bytes[0] = (byte)sender;
        bytes[1] = placeInBatch;
        BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(2), number);
        bytes.AsSpan(6).Fill((byte)(sender + 100));
        return bytes;
    }

    private static (int Sender, int Number, byte PlaceInBatch) ReadNumbered(in Message message)
    {
        var bytes = message.ToArray();
        Assert.InRange(bytes.Length, 6, 6 + 2000);
        Assert.InRange(bytes[0], 0, SenderCount - 1);
        Assert.False(bytes.AsSpan(6).ContainsAnyExcept((byte)(bytes[0] + 100)), "A message holds bytes of another sender.");
        return (bytes[0], BinaryPrimitives.ReadInt32BigEndian(bytes.AsSpan(2)), bytes[1]);
    }
}
