using System.Buffers;
using System.Globalization;

namespace Transports.Testing;

// Memory is given back, and not while somebody may be looking at it.
public abstract partial class TransportConformanceTests
{
    /// <summary>The buffers that one large message has grown are given back when it was received, although the channel stays open.</summary>
    [Fact(Timeout = HangTimeout)]
    public async Task Memory_AfterOneLargeMessage_IsGivenBack()
    {
        OnlyIfReliable();
        const int Large = 1024 * 1024;

        // Both ends' buffers for both directions, as large as the options ask for, and as much again for rounding up.
        const long Bound = 2 * 2 * 2 * 64 * 1024;
        var pair = await OpenAsync(client: Roomy(ChannelSide.Client), server: Roomy(ChannelSide.Server));
        SkipUnless(pair.Sender.Characteristics.MaxMessageSize >= Large, $"{Name} carries no message of {Large} bytes.");
        var sending = Task.Run(async () => await pair.Sender.SendAsync(new byte[Large], Token), Token);
        Assert.Equal(Large, (await ReceiveBytesAsync(pair.Receiver)).Length);
        await sending;

        // The loan of the large one ends with the next receive, and the channel then idles, with a receive waiting.
        await pair.Sender.SendAsync("small"u8.ToArray(), Token);
        Assert.Equal("small"u8.ToArray(), await ReceiveBytesAsync(pair.Receiver));
        using var giveUp = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var idle = pair.Receiver.ReceiveAsync(giveUp.Token).AsTask();
        await Eventually.TrueOrTimeoutAsync(() => Pool.OutstandingBytes <= Bound, TimeSpan.FromSeconds(10));
        var held = Pool.OutstandingBytes;
        Assert.True(held <= Bound, string.Create(CultureInfo.InvariantCulture, $"An idle pair of channels holds {held} bytes after one message of {Large}; the bound is {Bound}."));
        await giveUp.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => idle);

        ConformanceOptions Roomy(ChannelSide side) => new(side, Pool) { MaxMessageSize = Large };
    }

    /// <summary>Another thread disposes the channel while a message is being read: the memory under it stays what it was.</summary>
    /// <param name="size">The message's size.</param>
    [Theory(Timeout = HangTimeout)]
    [InlineData(10)]
    [InlineData(50_000)]
    public async Task Message_BeingReadWhenTheChannelIsDisposed_KeepsItsMemory(int size)
    {
        OnlyIfReliable();
        var pair = await OpenAsync();
        SkipUnless(pair.Sender.Characteristics.MaxMessageSize >= size, $"{Name} carries no message of {size} bytes.");
        var sent = new byte[size];
        new Random(Seed).NextBytes(sent);
        await pair.Sender.SendAsync(new Message[] { sent, "next"u8.ToArray() }, Token);
        var message = Present(await pair.Receiver.ReceiveAsync(Token), 0);

        // A reader that has begun: it has passed the guard and holds the memory.
        var reading = message.Payload;
        await Task.Run(async () => await pair.Receiver.DisposeAsync(), Token);
        Assert.Equal(sent, reading.ToArray());
    }

    /// <summary>Another thread disposes the channel while a message is being retained: it is kept as it was, or the call says that it is too late.</summary>
    [Fact(Timeout = HangTimeout)]
    public async Task Retain_WhileTheChannelIsDisposed_KeepsTheBytesOrThrows()
    {
        OnlyIfReliable();
        var size = 50_000;
        var listener = await ListenAsync();
        var sent = new byte[size];
        new Random(Seed).NextBytes(sent);
        for (var round = 0; round < RaceIterations; round++)
        {
            var pair = await ConnectAsync(listener);
            size = Math.Min(size, pair.Sender.Characteristics.MaxMessageSize);
            await pair.Sender.SendAsync(new Message(sent.AsMemory(0, size)), Token);
            var message = Present(await pair.Receiver.ReceiveAsync(Token), 0);
            var disposing = Task.Run(async () => await pair.Receiver.DisposeAsync(), Token);
            try
            {
                using var kept = message.Retain();
                await disposing;
                Assert.True(Same(kept.Message.Payload, sent.AsSpan(0, size)), "A retained message holds other bytes than were received.");
            }
            catch (InvalidOperationException e)
            {
                Assert.Contains("Retain()", e.Message, StringComparison.Ordinal);
            }

            await disposing;
            await pair.Sender.DisposeAsync();
        }
    }
}
