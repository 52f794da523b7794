using System.Buffers;
using System.Globalization;

namespace Transports.Testing;

// What the tests share: sending and checking runs of planned messages, and finding out that a channel takes no more.
public abstract partial class TransportConformanceTests
{
    // A greeting is no message of any test; it may arrive several times, as it is sent until it is heard.
    private static readonly byte[] Greeting = "greeting of the conformance suite"u8.ToArray();

    private static readonly TimeSpan GreetingPause = TimeSpan.FromMilliseconds(50);

    // So many cancelled sends in a row mean that the channel is full, not just busy with its last write.
    private const int CancelledInARow = 50;

    private static async Task GreetAsync(IMessageChannel client, Task accepting)
    {
        do
        {
            await client.SendAsync(Greeting, Token);
            await client.FlushAsync(Token);
        }
        while (await Task.WhenAny(accepting, Task.Delay(GreetingPause, Token)) != accepting);
    }

    private static async Task SendPlannedAsync(IMessageChannel channel, MessagePlan plan, int from, int count)
    {
        for (var i = from; i < from + count; i++)
        {
            await channel.SendAsync(new Message(plan[i]), Token);
        }
    }

    private static async Task ReceivePlannedAsync(IMessageChannel channel, MessagePlan plan, int from, int count)
    {
        for (var i = from; i < from + count; i++)
        {
            if (!channel.TryReceive(out var message))
            {
                message = Present(await channel.ReceiveAsync(Token), i);
            }

            AssertPlanned(message, plan, i);
        }
    }

    /// <summary>Waits for all of them, but only until the first fails: the others may then wait for it for ever.</summary>
    private static async Task TogetherAsync(IReadOnlyList<Task> tasks)
    {
        await foreach (var ended in Task.WhenEach(tasks))
        {
            await ended;
        }
    }

    private static void AssertPlanned(in Message message, MessagePlan plan, int number)
    {
        var expected = plan[number].Span;
        if (message.Length != expected.Length || !Same(message.Payload, expected))
        {
            Assert.Fail(string.Create(
                CultureInfo.InvariantCulture,
                $"Message {number} should have {expected.Length} bytes of the plan; {message.Length} other bytes arrived: {Head(message.Payload)}… instead of {Head(new ReadOnlySequence<byte>(plan[number]))}…"));
        }
    }

    private static bool Same(in ReadOnlySequence<byte> sequence, ReadOnlySpan<byte> expected)
    {
        if (sequence.IsSingleSegment)
        {
            return sequence.FirstSpan.SequenceEqual(expected);
        }

        return sequence.ToArray().AsSpan().SequenceEqual(expected);
    }

    private static string Head(in ReadOnlySequence<byte> bytes) => Convert.ToHexString(bytes.Slice(0, Math.Min(bytes.Length, 16)).ToArray());

    private static Message Present(Message? message, int number)
    {
        if (message is not { } present)
        {
            Assert.Fail(string.Create(CultureInfo.InvariantCulture, $"The peer finished before message {number} arrived."));
            return default;
        }

        return present;
    }

    private static async Task<byte[]> ReceiveBytesAsync(IMessageChannel channel)
        => Present(await channel.ReceiveAsync(Token), 0).ToArray();

    private static async Task AssertFinishedAsync(IMessageChannel channel)
    {
        var message = await channel.ReceiveAsync(Token);
        Assert.True(message is null, $"The peer has finished, so null should be received; a message of {message?.Length} bytes was.");
    }

    /// <summary>Sends one message that arrives, also where messages can be lost: it is sent again until it does.</summary>
    private async Task<Message> DeliverAsync(IMessageChannel sender, IMessageChannel receiver, byte[] payload)
    {
        var receiving = ReceiveOtherThanGreetingAsync(receiver);
        do
        {
            await sender.SendAsync(payload, Token);
            await sender.FlushAsync(Token);
            if (Promised.IsReliable)
            {
                return await receiving;
            }
        }
        while (await Task.WhenAny(receiving, Task.Delay(GreetingPause, Token)) != receiving);

        return await receiving;
    }

    private static async Task<Message> ReceiveOtherThanGreetingAsync(IMessageChannel channel)
    {
        while (true)
        {
            var message = Present(await channel.ReceiveAsync(Token), 0);
            if (!Same(message.Payload, Greeting))
            {
                return message;
            }
        }
    }

    /// <summary>Sends planned messages of one size until the channel takes no more, as nobody receives.</summary>
    /// <returns>The sizes of those that were taken. The channel is full, and intact.</returns>
    private async Task<List<byte[]>> FillAsync(IMessageChannel channel, int size)
    {
        // Far over any bound that a test asserts, so that the test says by how much it was missed.
        var giveUpAt = (4 * MaxBytesInFlight) + (4 * 1024 * 1024);
        var taken = new List<byte[]>();
        var random = new Random(Seed);
        var cancelled = 0;
        while (cancelled < CancelledInARow)
        {
            Assert.True(
                (long)taken.Count * size <= giveUpAt,
                $"The channel has taken {(long)taken.Count * size} bytes that nobody receives, and still does not make the sender wait.");
            var payload = new byte[size];
            random.NextBytes(payload);
            using var giveUp = CancellationTokenSource.CreateLinkedTokenSource(Token);
            var sending = channel.SendAsync(payload, giveUp.Token);
            if (!sending.IsCompleted)
            {
                await Task.Yield();
                await giveUp.CancelAsync();
            }

            try
            {
                await sending;
                taken.Add(payload);
                cancelled = 0;
            }
            catch (OperationCanceledException) when (!Token.IsCancellationRequested)
            {
                cancelled++;

                // Gives a flusher on another thread its turn: what counts is that nothing moves any more.
                await Task.Delay(1, Token);
            }
        }

        return taken;
    }

    /// <summary>Ends the test with the channel's end, whichever way it is told, and returns it.</summary>
    private static async Task<MessageChannelClosedException> AssertReceiveEndsAsync(IMessageChannel channel)
    {
        while (true)
        {
            try
            {
                var message = await channel.ReceiveAsync(Token);
                Assert.False(message is null, "The channel should have ended with an error; it reports a clean end.");
            }
            catch (MessageChannelClosedException e)
            {
                return e;
            }
        }
    }

    private static Task<ChannelCloseInfo> ClosedAsync(IMessageChannel channel) => channel.Closed.WaitAsync(Token);
}
