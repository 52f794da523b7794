using System.Buffers.Binary;

namespace Transports.Testing;

// What holds even where messages may be lost, doubled or change their order.
public abstract partial class TransportConformanceTests
{
    /// <summary>Every message that arrives is whole and one that was sent, whatever was lost on the way.</summary>
    [Fact(Timeout = HangTimeout)]
    public async Task Send_OverALossyWire_ArrivesWholeOrNotAtAll()
    {
        SkipUnless(!Promised.IsReliable, $"{Name} is reliable, and tested for more.");
        const int Count = 5000;
        const int Header = 4;
        var pair = await OpenAsync();
        var plan = new MessagePlan(Seed, pair.Sender.Characteristics.MaxMessageSize - Header);
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var arrived = 0;
        var receiving = Task.Run(
            async () =>
            {
                var seen = new HashSet<int>();
                while (seen.Count < Count / 10)
                {
                    var message = await ReceiveOtherThanGreetingAsync(pair.Receiver);
                    var bytes = message.ToArray();
                    Assert.True(bytes.Length >= Header, $"A message of {bytes.Length} bytes was never sent.");
                    var number = BinaryPrimitives.ReadInt32BigEndian(bytes);
                    Assert.InRange(number, 0, Count - 1);
                    Assert.True(plan[number].Span.SequenceEqual(bytes.AsSpan(Header)), $"Message {number} arrived with other bytes than were sent.");
                    seen.Add(number);
                    arrived++;
                }

                await enough.CancelAsync();
            },
            Token);
        for (var i = 0; !enough.IsCancellationRequested && !receiving.IsCompleted; i = (i + 1) % Count)
        {
            var bytes = new byte[Header + plan[i].Length];
            BinaryPrimitives.WriteInt32BigEndian(bytes, i);
            plan[i].CopyTo(bytes.AsMemory(Header));
            await pair.Sender.SendAsync(bytes, Token);
            if (i % 16 == 0)
            {
                await Task.Yield();
            }
        }

        await receiving;
        Assert.True(arrived >= Count / 10);
    }

    /// <summary>Aborting one end leaves the listener and its other peers at work.</summary>
    [Fact(Timeout = HangTimeout)]
    public async Task Abort_OneOfTwoPeers_OtherGoesOn()
    {
        var first = await OpenAsync();
        var second = await ConnectAsync(first.Listener);
        first.Client.Abort();
        first.Server.Abort();
        Assert.Equal(ChannelCloseStatus.Aborted, (await ClosedAsync(first.Client)).Status);
        Assert.Equal("goes on"u8.ToArray(), (await DeliverAsync(second.Sender, second.Receiver, "goes on"u8.ToArray())).ToArray());
    }
}
